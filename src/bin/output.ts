/**
 * What becomes of a program whose output goes nowhere: its reader has gone (`muster status | head -1`), or the disk is full.
 * Node reports that as an event which, unheard, ends the program with a stack trace.
 */

/** As a shell has it for a program that was ended by SIGPIPE, which Node ignores. */
const endedByPipe = 141;

/** A command is of no use without its output: it ends. What it would say of itself it can do without. */
export function endWithOutput(): void {
  process.stdout.on('error', end);
  process.stderr.on('error', ignore);
}

/** For those who work, whatever becomes of what they say: a daemon, or a lab that is to be taken down again. */
export function outliveOutput(): void {
  process.stdout.on('error', ignore).off('error', end);
}

function end(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(endedByPipe);
  process.stderr.write(
    `muster: standard output cannot be written (${error.message}): what it should say is incomplete\n`,
  );
  process.exit(1);
}

function ignore(): void {
  // Nobody is left to tell.
}

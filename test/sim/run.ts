/**
 * `npm run sim -- [--runs N] [--seed S] [--trace]`: simulated worlds full of faults.
 *
 * Without `--seed`, N worlds (default 200) from seeds that begin at a random one; with it, N (default 1) from that seed
 * on, and a single one is told step by step. Exit code 1 when a promise was broken.
 */
import { parseArgs } from 'node:util';
import { simulate } from '../../src/sim/world/world.ts';
import { quiet } from './quiet.ts';
import { createSummary } from './summary.ts';

const usage = `npm run sim -- [--runs N] [--seed S] [--trace]

Simulated worlds full of faults: muster's own core and controller against models of EC2 and Slurm, in virtual time.

  --runs N   so many worlds (default 200; 1 with --seed)
  --seed S   from this seed on; a single world is told step by step (default: a random one, which is printed)
  --trace    tell each of several worlds step by step, too

Exit code 1 when a promise was broken (docs/guarantees.md); the seed that shows it is printed.`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function wholeNumber(text: string | undefined, name: string): number | null {
  if (text === undefined) return null;
  if (/^[0-9]{1,9}$/.test(text)) return Number(text);
  say(`--${name} wants a whole number below a thousand million, not "${text}"`);
  process.exit(2);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      runs: { type: 'string' },
      seed: { type: 'string' },
      trace: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    say(usage);
    return 0;
  }
  const seed = wholeNumber(values.seed, 'seed');
  const runs = wholeNumber(values.runs, 'runs') ?? (seed === null ? 200 : 1);
  const first = seed ?? Math.floor(Math.random() * 900_000_000);
  const trace = values.trace === true || (seed !== null && runs === 1);
  say(`seeds ${first} to ${first + runs - 1}`);
  const summary = createSummary();
  for (let index = 0; index < runs; index += 1) {
    const outcome = await simulate(first + index, { quiet, trace });
    summary.add(outcome);
    for (const line of outcome.lines) say(line);
    if (outcome.broken !== null) {
      const { check, sentence, afterMs } = outcome.broken;
      say(
        `seed ${outcome.seed} breaks "${check}" after ${Math.round(afterMs / 1000)} s: ${sentence}`,
      );
      say(`  step by step: npm run sim -- --seed ${outcome.seed}`);
    }
    if ((index + 1) % 100 === 0 && index + 1 < runs) say(`${index + 1} of ${runs} ...`);
  }
  say(summary.text());
  return summary.broken() === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error: unknown) {
  if (!(error instanceof TypeError && 'code' in error && isUsage(error.code))) throw error;
  say(`${error.message}\n\n${usage}`);
  process.exitCode = 2;
}

function isUsage(code: unknown): boolean {
  return String(code).startsWith('ERR_PARSE_ARGS_');
}

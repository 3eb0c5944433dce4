/** `muster ledger check` and `muster ledger renew`. */
import { checkLedger, renewLedger } from '../adapters/ledger/renew.ts';
import { ledgerPath } from '../adapters/ledger/sqlite.ts';
import { workAsOwner } from './as-owner.ts';
import { badConfig, findOrTell } from './load.ts';

export interface LedgerOptions {
  readonly config?: string;
  readonly json?: boolean;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Exit code 3 where it is damaged, by the error that says so; 1 where there is none. */
export async function runLedgerCheck(options: LedgerOptions): Promise<number> {
  const config = findOrTell(options.config);
  if (config === null) return badConfig;
  const path = ledgerPath(config.stateDir);
  const found = await checkLedger(config.stateDir);
  if (found === null) {
    process.stderr.write(`muster: there is no ledger ${path}, or nothing is in it yet\n`);
    return 1;
  }
  const [from, to] = [found.from, found.to].map((at) => new Date(at).toISOString());
  if (options.json === true) say(JSON.stringify({ path, turns: found.turns, from, to }));
  else
    say(
      `${path} is whole: ${found.turns} ${found.turns === 1 ? 'turn' : 'turns'}, from ${from} to ${to}`,
    );
  return 0;
}

export async function runLedgerRenew(options: LedgerOptions): Promise<number> {
  const config = findOrTell(options.config);
  if (config === null) return badConfig;
  const { stateDir } = config;
  workAsOwner(stateDir);
  const path = ledgerPath(stateDir);
  const renewal = await renewLedger(stateDir, Date.now());
  switch (renewal.kind) {
    case 'locked':
      process.stderr.write(
        `muster: ${renewal.message}: stop it first (systemctl stop muster); nothing was changed\n`,
      );
      return 1;
    case 'whole':
      process.stderr.write(
        `muster: nothing is wrong with ${path} (${renewal.turns} turns): it was left alone, and goes on\n`,
      );
      return 1;
    case 'renewed': {
      const { damage } = renewal;
      if (options.json === true) {
        say(JSON.stringify({ path, damage: damage?.what ?? null, kept: damage?.folder ?? null }));
        return 0;
      }
      if (damage === null) say(`There was no ledger ${path}.`);
      else say(`${path} was damaged (${damage.what}). It is kept in ${damage.folder}.`);
      say('A new one is begun. Start the daemon: it takes over the instances that Slurm uses and');
      say('ends the others. Which jobs were refused, and when they are tried again, is forgotten.');
      return 0;
    }
  }
}

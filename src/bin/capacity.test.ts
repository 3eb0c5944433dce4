/** `muster capacity` as a person calls it: before a daemon runs, while none does, and beside one. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLedgerWriter } from '../adapters/ledger/sqlite.ts';
import { useCommandLine } from '../../test/support/command-line.ts';
import { defaultSettings } from '../core/settings.ts';
import type { Turn } from '../core/turn.ts';

const pools = ['c5.xlarge us-east-2a on-demand', 'c6i.32xlarge us-east-2b spot cr-1'] as const;
const longMs = 60_000;

const line = useCommandLine(['scontrol']);
const capacity = (...args: string[]) => line.run('capacity', ...args);

/** A ledger in which EC2 has just refused 200 of the first pool, and given 50 of the second. */
async function writeLedger(): Promise<void> {
  const opened = openLedgerWriter(join(line.dir, 'state'));
  if (opened.kind !== 'writer') throw new Error(opened.message);
  const at = Date.now();
  const refusal = { code: 'InsufficientInstanceCapacity', message: 'no room' };
  const turns: Turn[] = [
    { event: { kind: 'ConfigLoaded', at, settings: longMemory }, decisions: [], effects: [] },
    {
      event: { kind: 'Woke', at },
      decisions: [
        { kind: 'CapacitySeen', pool: pools[0], count: 200, refusal },
        { kind: 'CapacitySeen', pool: pools[1], count: 50, refusal: null },
      ],
      effects: [],
    },
  ];
  await opened.ledger.append(turns);
  opened.ledger.close();
}

const longMemory = {
  ...defaultSettings,
  capacityMemory: { refusalMs: 3_600_000, successMs: 3_600_000 },
};

/** The pools that are remembered, as a program reads it. */
function remembered(): string[] {
  const { stdout } = capacity('--json');
  return (JSON.parse(stdout) as { pools: { pool: string }[] }).pools.map(({ pool }) => pool);
}

describe('muster capacity', () => {
  test('without a ledger says where it looked, exit code 1, and makes none', () => {
    for (const args of [[], ['--clear'], ['--json']]) {
      const { status, stdout, stderr } = capacity(...args);
      expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
      expect(stderr).toContain(`muster: there is no ledger in ${line.dir}/state`);
    }
    expect(readdirSync(line.dir).sort()).toEqual(['muster.yaml', 'scontrol']);
  });

  test('shows what the ledger has, as a table and as JSON', async () => {
    await writeLedger();
    const { status, stdout, stderr } = capacity();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toMatch(
      /^c5.xlarge us-east-2a on-demand +- +- +200 +\d+s +InsufficientInstanceCapacity +\d+m$/m,
    );
    expect(stdout).toMatch(/^c6i.32xlarge us-east-2b spot cr-1 +50 +\d+s +- +- +- +-$/m);
    expect(remembered()).toEqual(pools);
  });

  test('--clear of a pool that is not remembered: exit code 1, the names, nothing spooled', async () => {
    await writeLedger();
    const { status, stdout, stderr } = capacity('--clear', 'c5.xlarge');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toContain('nothing is remembered of a pool "c5.xlarge"; nothing was cleared');
    for (const pool of pools) expect(stderr).toContain(`\n  ${pool}`);
    expect(readdirSync(join(line.dir, 'state'))).not.toContain('spool');
  });

  test(
    '--clear without a daemon waits in the spool for the next one; beside a daemon it is done at once',
    { timeout: longMs },
    async () => {
      await writeLedger();
      // The pool's words need no quotes.
      const spooled = capacity('--clear', ...pools[0].split(' '));
      expect({ status: spooled.status, stderr: spooled.stderr }).toEqual({ status: 1, stderr: '' });
      expect(spooled.stdout).toContain('No daemon took the request within 5s: it waits in');
      expect(readdirSync(join(line.dir, 'state/spool/new'))).toHaveLength(1);
      expect(remembered()).toEqual(pools);

      await line.startDaemon();
      await expect.poll(remembered, { timeout: longMs, interval: 200 }).toEqual([pools[1]]);
      expect(readdirSync(join(line.dir, 'state/spool/new'))).toEqual([]);

      const cleared = capacity('--clear');
      expect({ status: cleared.status, stderr: cleared.stderr }).toEqual({ status: 0, stderr: '' });
      expect(cleared.stdout).toContain(`Cleared what was remembered of ${pools[1]}.`);
      expect(capacity().stdout).toContain('Nothing is remembered of any pool');
      expect(JSON.parse(capacity('--clear', '--json').stdout)).toMatchObject({
        taken: true,
        cleared: [],
      });
    },
  );
});

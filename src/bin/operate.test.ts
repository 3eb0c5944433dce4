/** `muster fleet`, `node release` and `status` as a person or a script calls them: without a ledger, without a daemon, beside one. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openLedgerWriter } from '../adapters/ledger/sqlite.ts';
import { useCommandLine } from '../../test/support/command-line.ts';
import { defaultSettings } from '../core/settings.ts';

const line = useCommandLine(['scontrol', 'sinfo', 'squeue']);
const muster = line.run;

async function writeLedger(): Promise<void> {
  const opened = openLedgerWriter(join(line.dir, 'state'));
  if (opened.kind !== 'writer') throw new Error(opened.message);
  const settings = { ...defaultSettings, clusterName: 'demo', region: 'us-east-2' };
  await opened.ledger.append([
    { event: { kind: 'ConfigLoaded', at: 1_000, settings }, decisions: [], effects: [] },
  ]);
  opened.ledger.close();
}

const spooled = (): string[] => readdirSync(join(line.dir, 'state/spool/new'));

test('without a ledger there is nothing to do, and that is said', () => {
  for (const args of [['fleet', 'stop', '--yes'], ['fleet', 'status'], ['status']]) {
    const { status, stderr } = muster(...args);
    expect(status).toBe(1);
    expect(stderr).toContain('no daemon has run with this state_dir');
  }
});

describe('beside no daemon', () => {
  test('a stop waits in the spool, and is not said to be done', async () => {
    await writeLedger();
    const { status, stdout } = muster('fleet', 'stop', '--yes');
    expect(status).toBe(1);
    expect(stdout).toContain('No daemon took the request within 5s: it waits in');
    expect(spooled()).toHaveLength(1);
  });

  test('without a terminal and without --yes nothing is asked for where something may end', async () => {
    await writeLedger();
    rmSync(join(line.dir, 'squeue'));
    const { status, stderr } = muster('node', 'release', 'q-dy-c-[1-2]');
    expect(status).toBe(2);
    expect(stderr).toContain('Release q-dy-c-[1-2]: No instance is terminated; Slurm does not');
    expect(stderr).toContain('add --yes if it is; nothing was done');
    expect(() => spooled()).toThrow('ENOENT');
  });

  test('a stop of an idle fleet asks as well, and says which partitions go inactive', async () => {
    await writeLedger();
    // Every field ends in the word that stands behind the last colon of its format.
    const row = 'end="${*##*:}"\nprintf "q%sup%sq-dy-c-1%s\\n" "$end" "$end" "$end"';
    writeFileSync(join(line.dir, 'sinfo'), `#!/bin/sh\n${row}\n`);
    const { status, stderr } = muster('fleet', 'stop');
    expect(status).toBe(2);
    expect(stderr).toBe(
      `muster: Stop the fleet: No instance is terminated; no job runs there; partition q goes inactive.
muster: there is no terminal to ask at whether that is meant: add --yes if it is; nothing was done
`,
    );
    expect(() => spooled()).toThrow('ENOENT');
  });

  test('a hostlist that is none is refused', async () => {
    await writeLedger();
    for (const bad of ['q-dy-c-[1-', '']) {
      const { status, stderr } = muster('node', 'replace', '--yes', bad);
      expect(status).toBe(2);
      expect(stderr).toContain('nothing was done');
    }
  });

  test('muster status says that none works', async () => {
    await writeLedger();
    const { status, stdout } = muster('status');
    expect(status).toBe(1);
    expect(stdout).toContain('muster has left no heartbeat');
  });
});

test('while Slurm does not answer a stop says so, and so does the status, until it does', async () => {
  await line.startDaemon();
  const away = '#!/bin/sh\necho "Unable to contact slurm controller" >&2\nexit 1\n';
  writeFileSync(join(line.dir, 'sinfo'), away);
  const stop = line.start('fleet', 'stop', '--yes');
  let said = '';
  stop.stdout.on('data', (data) => (said += String(data)));
  const ended = new Promise((resolve) => stop.once('exit', resolve));
  const silence =
    /\nSlurm has not done it after \d+ tr(y|ies): sinfo could not list partitions: Unable to contact slurm controller; it is asked again\.\n/;
  await expect.poll(() => said, { timeout: 20_000 }).toMatch(silence);
  expect(said).toContain('The fleet is stopped: nothing is launched until it is started.\nLeft: ');
  expect(muster('fleet', 'status').stdout).toMatch(
    /\nLeft: partitions to set\nSlurm has not done it after \d+ tr(y|ies); it is asked again\.\n$/,
  );
  expect(JSON.parse(muster('fleet', 'status', '--json').stdout)).toMatchObject({
    status: 'stopped',
    pending: { partitions: 1 },
    hindrances: [{ by: 'Slurm', message: null }],
  });

  writeFileSync(join(line.dir, 'sinfo'), '#!/bin/sh\n');
  expect(await ended).toBe(0);
  expect(said).toMatch(/\nDone\.\n$/);
  // Once: the tries that follow are no news.
  expect(said.match(/Slurm has not done it/g)).toHaveLength(1);
  expect(muster('fleet', 'status').stdout).toMatch(/It has 0 instances\.\n$/);
}, 90_000);

test('beside a daemon the fleet is stopped and started, and each says so', async () => {
  await line.startDaemon();
  const works = muster('status');
  expect(works.stdout).toContain('muster works (cluster demo in us-east-2, mode job).\n');
  expect(works.stdout).toContain('The fleet runs.\n');
  expect(works.status).toBe(0);

  const stopped = muster('fleet', 'stop', '--yes');
  expect(stopped.stdout).toMatch(/^The fleet is stopped: .*\n(Left: .*\n)*Done\.\n$/);
  expect(stopped.status).toBe(0);
  expect(muster('fleet', 'status').stdout).toMatch(
    /^The fleet has been stopped for \d+s: nothing is launched until "muster fleet start"\.\nIt has 0 instances\.\n$/,
  );

  const started = muster('fleet', 'start', '--json');
  expect(JSON.parse(started.stdout)).toMatchObject({
    request: 'fleet-start',
    taken: true,
    done: true,
    verdict: { wasRunning: false, partitions: [] },
  });
  expect(JSON.parse(muster('fleet', 'status', '--json').stdout)).toMatchObject({
    status: 'running',
    instances: 0,
  });

  const released = muster('node', 'release', '--yes', 'q-dy-c-1', 'no-node-of-ours');
  expect(released.stdout).toContain('Released: q-dy-c-1\nLeft as it is: no-node-of-ours, ');
  const none = muster('node', 'release', '--yes', 'no-node-of-ours');
  expect(none.stdout).not.toContain('Done');
  expect(none.status).toBe(1);
}, 60_000);

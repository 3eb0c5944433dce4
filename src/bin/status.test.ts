/** `muster status` beside a daemon that comes and goes: as processes. */
import { expect, test } from 'vitest';
import { useCommandLine } from '../../test/support/command-line.ts';

// A Slurm that does not answer.
const away = '#!/bin/sh\necho "slurmctld is away" >&2\nexit 1\n';
const line = useCommandLine(['scontrol', 'squeue', 'sinfo'], away, [
  'capacity_memory: { refusal: 7m }',
]);
const muster = line.run;

async function end(signal: NodeJS.Signals): Promise<void> {
  const ended = line.daemon;
  await new Promise<void>((resolve) => {
    ended?.once('exit', () => resolve());
    ended?.kill(signal);
  });
}

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'a daemon that has ended by %s does not work from that moment on',
  async (signal) => {
    await line.startDaemon();
    expect(muster('status')).toMatchObject({ status: 0 });
    await end(signal);
    const { status, stdout } = muster('status');
    expect(stdout).toMatch(
      /^muster does not work: no daemon runs, its last heartbeat is \d+s old;/,
    );
    expect(status).toBe(1);
  },
);

test('after a renewal the configuration is shown, and that no daemon has run since', async () => {
  expect(muster('ledger', 'renew').status).toBe(0);
  const renewed = muster('status');
  expect(renewed.status).toBe(1);
  expect(renewed.stdout).toContain(
    'muster does not work: no daemon has run since the ledger was begun (cluster demo in us-east-2, mode job).\n',
  );
  expect(JSON.parse(muster('status', '--json').stdout)).toMatchObject({
    cluster: 'demo',
    daemon: { state: 'unknown', holdsLedger: false, hasRun: false },
    fleet: { since: null },
  });
  expect(muster('capacity').stdout).toContain('what it refuses for 7m');
  expect(JSON.parse(muster('fleet', 'status', '--json').stdout)).toEqual({
    status: 'running',
    since: null,
    partitions: [],
    instances: 0,
    pending: { instances: 0, nodes: 0, partitions: 0 },
    hindrances: [],
  });
});

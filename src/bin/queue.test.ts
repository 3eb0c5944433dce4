/** `muster queue start` as a person calls it: before a daemon runs, and while none does. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLedgerWriter } from '../adapters/ledger/sqlite.ts';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));
const longMs = 60_000;

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-queue-'));
  writeFileSync(
    join(dir, 'cluster.yaml'),
    `Region: us-east-2
Scheduling:
  Scheduler: slurm
  SlurmQueues:
    - Name: queue1
      Networking: { SubnetIds: [subnet-12345678] }
      ComputeResources:
        - { Name: c5xlarge, InstanceType: c5.xlarge, MinCount: 0, MaxCount: 8 }
`,
  );
  writeFileSync(
    join(dir, 'muster.yaml'),
    `cluster_config: cluster.yaml\ncluster_name: demo\nstate_dir: '${dir}/state'\n`,
  );
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function start(...args: string[]) {
  const all = ['queue', 'start', '--config', join(dir, 'muster.yaml'), ...args];
  const { status, stdout, stderr } = spawnSync(launcher, all, { env: {} });
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

describe('muster queue start', () => {
  test('of a queue that is none names the nearest, and spools nothing', () => {
    const { status, stdout, stderr } = start('quue1');
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toBe(
      'muster: there is no queue `quue1`; nothing was done\n    did you mean `queue1`?\n',
    );
    expect(readdirSync(dir)).not.toContain('state');
  });

  test('without a ledger says where it looked, and makes none', () => {
    const { status, stderr } = start('queue1');
    expect(status).toBe(1);
    expect(stderr).toContain(`muster: there is no ledger in ${dir}/state`);
    expect(readdirSync(dir)).not.toContain('state');
  });

  test('without a daemon leaves the request for the next one', { timeout: longMs }, () => {
    const opened = openLedgerWriter(join(dir, 'state'));
    if (opened.kind !== 'writer') throw new Error(opened.message);
    opened.ledger.close();
    const { status, stdout, stderr } = start('queue1');
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(stdout).toMatch(
      /^No daemon took the request within 5s: .* Remove the file to take it back\.\n$/,
    );
    const spool = join(dir, 'state/spool/new');
    const [request = ''] = readdirSync(spool);
    expect(stdout).toContain(join(spool, request));
    expect(readFileSync(join(spool, request), 'utf8')).toContain('queue-start');
  });
});

/** `muster lab up`: what it refuses before anything is started, and that what it prints can be typed as it stands. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { labUp, upText, type LabUp, type LabUpOptions } from './up.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lab-up-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function refused(given: Partial<LabUpOptions>) {
  let said = '';
  const code = await labUp({
    labDir: join(folder, 'lab'),
    json: false,
    stdout: () => expect.unreachable('nothing is up'),
    stderr: (text) => {
      said += text;
    },
    env: { MUSTER_NO_INSTALL: '1' },
    uid: 1000,
    isTty: false,
    musterProgram: '/opt/muster/bin/muster',
    calledAs: '/opt/muster/bin/muster',
    hooksDir: '/nowhere',
    nodeProgram: '/nowhere',
    openModel: () => expect.unreachable('a lab is no model'),
    ...given,
  });
  expect(existsSync(join(folder, 'lab'))).toBe(false);
  return { code, said };
}

describe('before anything is started', () => {
  test('a user who is not root is refused, and told what works', async () => {
    const { code, said } = await refused({ uid: 65_534 });
    expect(code).toBe(1);
    expect(said).toContain('needs root, and you are user 65534; nothing was started.');
    expect(said).toContain('"/opt/muster/bin/muster lab demo" work without');
  });

  const wrong: Record<string, { given: Partial<LabUpOptions>; says: string }> = {
    'an empty folder name': { given: { labDir: '' }, says: 'must be an absolute path' },
    'a mode that there is not': { given: { mode: 'jobs' }, says: 'job or node-list, not "jobs"' },
    'a Slurm that is nowhere': {
      given: { slurmRoot: '/nope', uid: 0 },
      says: 'there is no folder /nope',
    },
  };
  for (const [name, { given, says }] of Object.entries(wrong)) {
    test(`${name} is bad usage, exit code 2`, async () => {
      const { code, said } = await refused(given);
      expect(said).toContain(says);
      expect(code).toBe(2);
    });
  }
});

describe('what to type', () => {
  const up: LabUp = {
    labDir: '/var/tmp/lab',
    mode: 'job',
    slurmVersion: '22.05.8',
    slurmConf: '/var/tmp/lab/slurm/slurm.conf',
    ec2sim: 'http://127.0.0.1:4000',
    config: '/var/tmp/lab/config/muster.yaml',
    log: '/var/tmp/lab/muster/log/slurm_resume.log',
  };

  test('calls muster as the person did', () => {
    const text = upText(up, '/srv/muster/bin/muster');
    expect(text).toContain('\n  /srv/muster/bin/muster status --config /var/tmp/lab/config/');
    expect(text).toContain('with: /srv/muster/bin/muster lab down --lab-dir /var/tmp/lab\n');
    expect(text).not.toMatch(/(^|\s)muster (status|lab)/);
  });

  test('says the mode, how to have the other one, and what it means for two jobs of one moment', () => {
    const job = upText(up, 'muster');
    expect(job).toContain("Mode job, muster's default");
    expect(job).toContain('--mode node-list');
    expect(job).toMatch(/sbatch -N 100 .*# runs$/m);
    const nodeList = upText({ ...up, mode: 'node-list' }, 'muster');
    expect(nodeList).toContain('Mode node-list, as in ParallelCluster 2.10');
    expect(nodeList).toMatch(/sbatch -N 100 .*# runs, if it does not start in the same moment/);
  });

  test('makes room by the simulator', () => {
    expect(upText(up, 'muster')).toContain(
      `-d '{"instanceType":"c6i.32xlarge","availabilityZone":"us-east-2b","capacity":200}' http://127.0.0.1:4000/_admin/capacity`,
    );
  });

  test('finds the Slurm of another folder', () => {
    expect(upText({ ...up, programs: '/var/tmp/lab/programs' }, 'muster')).toContain(
      'export PATH=/var/tmp/lab/programs:$PATH',
    );
    expect(upText(up, 'muster')).not.toContain('PATH');
  });
});

/** Commands with a configuration that cannot be used, beside a daemon that works on with the one before. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLedgerWriter } from '../adapters/ledger/sqlite.ts';
import { defaultSettings } from '../core/settings.ts';

const launcher = fileURLToPath(new URL('../../bin/muster', import.meta.url));
const longMs = 60_000;

let dir: string;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'muster-load-'));
  const opened = openLedgerWriter(join(dir, 'state'));
  if (opened.kind !== 'writer') throw new Error(opened.message);
  const event = { kind: 'ConfigLoaded', at: Date.now(), settings: defaultSettings } as const;
  await opened.ledger.append([{ event, decisions: [], effects: [] }]);
  opened.ledger.close();
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function muster(args: readonly string[], config: string, env: Record<string, string> = {}) {
  const path = join(dir, 'muster.yaml');
  writeFileSync(path, config);
  const { status, stdout, stderr } = spawnSync(launcher, [...args, '--config', path], { env });
  return { status, stdout: String(stdout), stderr: String(stderr) };
}

/** A slip that does not concern where things are. */
const slip = (): string => `cluster_name: demo
region: us-east-2
state_dir: '${dir}/state'
log_dir: '${dir}/log'
bot_time: 3m
`;

function spooled(): string[] {
  const folder = join(dir, 'state/spool/new');
  return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
}

describe('a configuration that cannot be used, the state folder apart', () => {
  for (const [args, status] of [
    [['status'], 1],
    [['fleet', 'status'], 0],
    [['capacity'], 0],
    [['ledger', 'check'], 0],
    [['ledger', 'renew'], 1],
  ] as const) {
    test(`muster ${args.join(' ')} shows what there is, and warns`, () => {
      const said = muster(args, slip());
      expect(said.status).toBe(status);
      expect(said.stderr).toContain(`${dir}/muster.yaml:5:1: unknown key \`bot_time\``);
      expect(said.stderr).toContain(
        `muster: warning: the configuration cannot be used, and a daemon that starts now would refuse it; carrying on with the state_dir ${dir}/state\n`,
      );
      expect(said.stderr).not.toContain('nothing was done');
    });
  }

  for (const verb of ['resume', 'suspend', 'resume-fail']) {
    test(`muster ${verb} reaches the daemon`, () => {
      const { status, stderr } = muster([verb, 'q-dy-c-1'], slip());
      expect(status).toBe(0);
      expect(stderr).toContain('muster: warning: the configuration cannot be used');
      expect(spooled()).toEqual([expect.stringContaining(`verb ${verb}\n`)]);
    });
  }

  test('muster fleet stop, node release and queue start do', { timeout: longMs }, async () => {
    const path = join(dir, 'muster.yaml');
    writeFileSync(path, slip());
    // At the same time, since each waits five seconds for a daemon that is not there.
    const ended = [
      ['fleet', 'stop', '--yes'],
      ['node', 'release', '--yes', 'q-dy-c-1'],
      ['queue', 'start', 'q'],
    ].map(async (args) => {
      const child = spawn(launcher, [...args, '--config', path], { env: {} });
      let stderr = '';
      child.stderr.on('data', (data) => (stderr += String(data)));
      await once(child, 'close');
      expect(stderr).toContain('muster: warning: the configuration cannot be used');
    });
    await Promise.all(ended);
    const verbs = spooled().map((request) => /^verb (.*)$/m.exec(request)?.[1]);
    expect(verbs.sort()).toEqual(['fleet-stop', 'queue-start', 'release-node']);
  });

  for (const args of [
    ['daemon'],
    ['plan', 'q-dy-c-1'],
    ['config', 'check'],
    ['config', 'show'],
    ['config', 'slurm'],
    ['resume', '--wait', 'q-dy-c-1'],
  ]) {
    test(`muster ${args.join(' ')}, which needs all of it, refuses`, () => {
      const { status, stdout, stderr } = muster(args, slip());
      expect(status).toBe(2);
      expect(`${stdout}${stderr}`).toContain('muster.yaml:5:1: unknown key `bot_time`');
      expect(readdirSync(join(dir, 'state'))).not.toContain('spool');
    });
  }
});

describe('what is worth knowing of a configuration', () => {
  /** A warning: there is no region. A note: the name is the file's. */
  const noteworthy = (): string => {
    const resources = 'ComputeResources: [{ Name: c, InstanceType: c5.large }]';
    const queue = `{ Name: q, Networking: { SubnetIds: [subnet-1] }, ${resources} }`;
    const scheduling = `Scheduling: { Scheduler: slurm, SlurmQueues: [${queue}] }\n`;
    writeFileSync(join(dir, 'cluster.yaml'), scheduling);
    return `cluster_config: cluster.yaml\nstate_dir: '${dir}/state'\n`;
  };

  test('is not repeated at every look', () => {
    for (const args of [['capacity'], ['capacity', '--json'], ['fleet', 'status']]) {
      expect(muster(args, noteworthy())).toMatchObject({ status: 0, stderr: '' });
    }
  });

  test('is told with a plan as far as it is a warning', () => {
    const { status, stderr } = muster(['plan', 'q-dy-c-1'], noteworthy());
    expect(status).toBe(0);
    expect(stderr).toMatch(/^\S+muster\.yaml: warning: no region is given: .*\n$/);
  });
});

describe('a configuration in which the state folder cannot be read', () => {
  const broken = (): string => `state_dri: '${dir}/state'\n`;

  test('is refused: another folder may be another cluster', () => {
    const { status, stdout, stderr } = muster(['fleet', 'stop', '--yes'], broken());
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain('did you mean `state_dir`?');
    expect(stderr).toContain('nor can it be known which state_dir was meant');
    expect(stderr).toContain('nothing was done');
  });

  test('does not matter where MUSTER_STATE_DIR names it', () => {
    mkdirSync(join(dir, 'log'));
    const env = { MUSTER_STATE_DIR: join(dir, 'state') };
    const { status, stderr } = muster(['fleet', 'status'], broken(), env);
    expect(status).toBe(0);
    expect(stderr).toContain(`carrying on with the state_dir ${dir}/state`);
  });
});

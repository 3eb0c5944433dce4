/**
 * The lab's scenarios by their own command, each in a lab of its own: on a real Slurm where there is one, else on the
 * model, which is said. Several run side by side. What takes longer is in test/soak.ts.
 */
import { execFile } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { missingPrograms } from '../../src/lab/slurm-programs.ts';
import type { PhaseResult, ScenarioResult } from '../../src/lab/world.ts';

const muster = resolve(import.meta.dirname, '../../bin/muster');
/** Only root's: without, the lab runs on the model though Slurm is there. */
const hasSlurm = missingPrograms().length === 0 && process.getuid?.() === 0;
const kind = hasSlurm ? 'real' : 'model';

/** Short: a lab's node sockets have its path in theirs. */
const folder = mkdtempSync(join(hasSlurm ? '/var/tmp' : tmpdir(), 'lab-'));

// munge wants its clients to be able to enter every folder above its socket.
chmodSync(folder, 0o755);

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(...args: readonly string[]): Promise<Ran> {
  return new Promise((done) => {
    execFile(
      muster,
      [...args],
      {
        encoding: 'utf8',
        maxBuffer: 64 * 1024 * 1024,
        env: { ...process.env, MUSTER_NO_INSTALL: '1' },
      },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        done({ code, stdout, stderr });
      },
    );
  });
}

let labs = 0;

/** Runs a scenario to its end; what it says is in the failure when something was not as expected. */
async function runScenario(name: string): Promise<ScenarioResult> {
  labs += 1;
  const labDir = join(folder, String(labs));
  const since = performance.now();
  const { code, stdout, stderr } = await run('lab', 'run', name, '--json', '--lab-dir', labDir);
  process.stdout.write(`lab: ${name}, ${Math.round((performance.now() - since) / 1000)} s\n`);
  expect(stdout, stderr).not.toBe('');
  const result = JSON.parse(stdout) as ScenarioResult;
  const failed = result.phases.flatMap((phase) =>
    phase.expected.filter(({ ok }) => !ok).map((one) => ({ phase: phase.name, ...one })),
  );
  for (const phase of result.phases.filter(({ expected }) => expected.some(({ ok }) => !ok))) {
    process.stdout.write(`lab: ${name}, ${phase.name}, what muster logged:\n`);
    process.stdout.write(`${phase.log.join('\n')}\n${phase.sinfo.at(-1) ?? ''}\n`);
  }
  if (failed.length > 0) process.stdout.write(linesOfSlurm(labDir));
  expect(failed).toEqual([]);
  expect({ code, ok: result.ok }).toEqual({ code: 0, ok: true });
  expect(existsSync(labDir), 'the lab has left its directory behind').toBe(false);
  return result;
}

/** What slurmctld logged of nodes that it gave up, and of its errors. The lab of a scenario that failed keeps its files. */
function linesOfSlurm(labDir: string): string {
  const path = join(labDir, 'slurm', 'slurmctld.log');
  const lines = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
  return `${lines.filter((line) => /error|unexpected|not respond|DOWN/i.test(line)).join('\n')}\n`;
}

function phaseOf(result: ScenarioResult, name: string): PhaseResult {
  const phase = result.phases.find((one) => one.name === name);
  if (phase === undefined) throw new Error(`there is no phase ${name}`);
  return phase;
}

/** With 300 slurmds: before the others, whose nodes must be up in time. */
const widest = ['crashes'] as const;

/** From the beginning, one after the other: these mind least what `crashes` needs of the machine. */
const patient = [...(hasSlurm ? ['lost-head' as const] : []), 'wide', 'per-queue'] as const;

/** Most of each is waiting for Slurm's clocks: so many at once, those that take longest first. */
const atOnce = 7;
const others = [
  'power',
  'blog-2022',
  'boots',
  'losses',
  'orphans',
  'ec2-away',
  'slurm-away',
  'array',
  'limits',
  'static',
  'protection',
  'het',
  'resume-rate',
  'fleet',
  'parts',
] as const;

type Name = (typeof widest | typeof patient | typeof others)[number];

/** Each scenario's run, awaited by its own test. */
const ran = new Map<string, Promise<ScenarioResult>>();

function resultOf(name: Name): Promise<ScenarioResult> {
  const result = ran.get(name);
  if (result === undefined) throw new Error(`${name} was not started`);
  return result;
}

beforeAll(() => {
  process.stdout.write(
    hasSlurm
      ? 'lab: on the real Slurm of this machine\n'
      : `lab: NO REAL SLURM HERE (missing: ${missingPrograms().join(', ') || 'root'}); its built-in model is used\n`,
  );
  const first = startAll(widest, 1);
  void startAll(patient, 1);
  void startAll(others, atOnce, first);
});

/**
 * Starts all of them after `first`, `free` at once; each is looked at by its own test, until then its failure is not nobody's.
 * Resolves when all have ended.
 */
function startAll(
  names: readonly Name[],
  free: number,
  first: Promise<unknown> = Promise.resolve(),
): Promise<unknown> {
  const waiting: (() => void)[] = [];
  const turn = (): Promise<void> => {
    if (free === 0) return new Promise((go) => waiting.push(go));
    free -= 1;
    return Promise.resolve();
  };
  const done = (): void => {
    const go = waiting.shift();
    if (go === undefined) free += 1;
    else go();
  };
  for (const name of names) {
    const result = first
      .then(turn)
      .then(() => runScenario(name))
      .finally(done);
    ran.set(name, result);
    result.catch(() => undefined);
  }
  return Promise.allSettled(names.map(resultOf));
}

afterAll(async () => {
  await Promise.allSettled(ran.values());
  for (const name of readdirSync(folder)) await run('lab', 'down', '--lab-dir', join(folder, name));
  rmSync(folder, { recursive: true, force: true });
});

describe(`on the ${kind} Slurm`, () => {
  test('blog-2022: soft pays for 106 idle nodes, firm for none, and the job runs once there is room', async () => {
    const result = await resultOf('blog-2022');
    expect(result.slurm).toBe(kind);
    const before = phaseOf(result, 'before');
    // Where the boots take longer than Slurm lets nodes idle, the job is tried again, for as many once more.
    expect(before.instances.launched).toBeGreaterThanOrEqual(106);
    expect(before.instances.terminated).toBe(before.instances.launched);
    expect(before.jobs).toEqual({ running: 0, pending: 1, failed: 0, completed: 0 });
    expect(before.instanceSecondsWithoutJob).toBeGreaterThan(106 * 5);
    const after = phaseOf(result, 'after');
    expect(after.instances.launched).toBe(0);
    expect(after.runInstancesCalls).toBeGreaterThan(0);
    expect(after.instanceSecondsWithoutJob).toBe(0);
    const rises = phaseOf(result, 'capacity-rises');
    expect(rises.instances.launched).toBe(200);
    expect(rises.jobs.running).toBe(1);
    const noRequeue = phaseOf(result, 'no-requeue');
    expect(noRequeue.jobs).toEqual({ running: 0, pending: 0, failed: 1, completed: 0 });
    expect(noRequeue.instances.launched).toBe(0);
  });

  test('limits: each as the page has it in node-list mode, and gone in job mode', async () => {
    const result = await resultOf('limits');
    const outcome = (name: string): object => {
      const { jobs, instances } = phaseOf(result, name);
      return {
        ran: jobs.running + jobs.completed,
        failed: jobs.failed,
        kept: instances.launched - instances.terminated,
      };
    };
    expect(outcome('limit-1-node-list')).toEqual({ ran: 0, failed: 3, kept: 0 });
    expect(outcome('limit-2-node-list')).toEqual({ ran: 0, failed: 1, kept: 4 });
    expect(outcome('limit-3-node-list')).toEqual({ ran: 0, failed: 2, kept: 3 });
    expect(outcome('limit-4-node-list')).toEqual({ ran: 0, failed: 1, kept: 4 });
    expect(outcome('limit-1-job')).toMatchObject({ ran: 2, failed: 1 });
    expect(outcome('limit-2-job')).toEqual({ ran: 0, failed: 1, kept: 0 });
    expect(outcome('limit-3-job')).toEqual({ ran: 1, failed: 1, kept: 3 });
    expect(outcome('limit-4-job')).toEqual({ ran: 0, failed: 1, kept: 0 });
  });

  test('per-queue: one queue firm, another one soft in calls of its own size, in both modes', async () => {
    const result = await resultOf('per-queue');
    for (const mode of ['node-list', 'job']) {
      const { instances, runInstancesCalls } = phaseOf(result, `limit-5-${mode}`);
      expect({ launched: instances.launched, runInstancesCalls }).toEqual({
        launched: 3,
        runInstancesCalls: 3,
      });
    }
  });

  // The scenario wiki-2020 itself, with the kills; without them it is run by `npm run soak`.
  test('crashes: of wiki-2020 six jobs run on 300 nodes, fourteen fail, and three kills of muster do not show', async () => {
    const result = await resultOf('crashes');
    const launch = phaseOf(result, 'launch');
    expect(launch.instances).toEqual({ launched: 300, terminated: 0 });
    expect(launch.jobs.failed).toBe(14);
    const after = phaseOf(result, 'run');
    expect(after.instances).toEqual({ launched: 0, terminated: 0 });
    expect(after.jobs).toEqual({ running: 6, pending: 0, failed: 0, completed: 0 });
  });

  test('array: six tasks run at once, all ten in the end', async () => {
    const result = await resultOf('array');
    expect(phaseOf(result, 'first-six').jobs).toEqual({
      running: 6,
      pending: 4,
      failed: 0,
      completed: 0,
    });
    expect(phaseOf(result, 'the-others').jobs.completed).toBe(10);
  });

  test('parts: reserved in vain and nothing is launched; launched in vain and gone within two seconds', async () => {
    const result = await resultOf('parts');
    const reserved = phaseOf(result, 'reserve-refused');
    expect(reserved.instances.launched).toBe(0);
    expect(reserved.runInstancesCalls).toBe(0);
    expect(reserved.reservations.made).toBeGreaterThan(0);
    expect(reserved.reservations.cancelled).toBe(reserved.reservations.made);
    const whole = phaseOf(result, 'reserve-whole');
    expect(whole.instances).toEqual({ launched: 6, terminated: 0 });
    expect(whole.reservations).toEqual({ made: 2, cancelled: 2 });
    const launched = phaseOf(result, 'launch-refused');
    expect(launched.instances).toEqual({ launched: 4, terminated: 4 });
    expect(launched.reservations).toEqual({ made: 0, cancelled: 0 });
    expect(launched.instanceSecondsWithoutJob).toBeLessThan(4 * 2);
  });

  test('het: room for one component launches none, room for both runs both', async () => {
    const result = await resultOf('het');
    const refused = phaseOf(result, 'one-component');
    expect(refused.instances.launched).toBe(0);
    expect(refused.jobs).toEqual({ running: 0, pending: 2, failed: 0, completed: 0 });
    expect(phaseOf(result, 'both-components')).toMatchObject({
      instances: { launched: 6, terminated: 0 },
      jobs: { running: 2 },
    });
  });

  test('resume-rate: a heterogeneous job that comes in several calls is launched whole', async () => {
    const whole = phaseOf(await resultOf('resume-rate'), 'in-pieces');
    expect(whole.instances).toEqual({ launched: 6, terminated: 0 });
    expect(whole.runInstancesCalls).toBe(2);
    expect(whole.log.filter((line) => line.includes('resume request ')).length).toBeGreaterThan(1);
  });

  test('wide: 1,200 nodes with room for 900, and nothing is launched', async () => {
    const refused = phaseOf(await resultOf('wide'), 'refused');
    expect(refused.instances.launched).toBe(0);
    expect(refused.runInstancesCalls).toBe(0);
    expect(refused.reservations.made).toBeGreaterThan(0);
    expect(refused.reservations.cancelled).toBe(refused.reservations.made);
  });

  test('boots: a node that does not come is replaced, or the whole gang goes', async () => {
    const result = await resultOf('boots');
    const replaced = phaseOf(result, 'replaced');
    expect(replaced.instances).toEqual({ launched: 5, terminated: 1 });
    expect(replaced.jobs.running).toBe(1);
    const irreplaceable = phaseOf(result, 'irreplaceable');
    expect(irreplaceable.instances).toEqual({ launched: 4, terminated: 4 });
    expect(irreplaceable.jobs.pending).toBe(1);
    const spared = phaseOf(result, 'spared');
    expect(spared.instances).toEqual({ launched: 5, terminated: 1 });
    expect(spared.runInstancesCalls).toBe(1);
    expect(spared.jobs.running).toBe(1);
  });

  test('protection: a queue that never boots is set inactive, and comes back by command', async () => {
    const result = await resultOf('protection');
    expect(phaseOf(result, 'protected').instances.launched).toBe(4);
    expect(phaseOf(result, 'protected').jobs).toMatchObject({ running: 1, pending: 1 });
    expect(phaseOf(result, 'started').instances.launched).toBe(2);
    expect(phaseOf(result, 'started').jobs.running).toBe(1);
  });

  test('losses: a job that loses a node runs again on its others, or ends with them', async () => {
    const result = await resultOf('losses');
    expect(phaseOf(result, 'requeued').instances).toEqual({ launched: 5, terminated: 1 });
    expect(phaseOf(result, 'no-requeue').instances).toEqual({ launched: 4, terminated: 4 });
  });

  test.skipIf(!hasSlurm)(
    'lost-head: instances without a job shut themselves down, the one with a job stays',
    async () => {
      const result = await resultOf('lost-head');
      expect(phaseOf(result, 'muster-stopped').instances).toEqual({ launched: 4, terminated: 0 });
      expect(phaseOf(result, 'lost').instances).toEqual({ launched: 0, terminated: 3 });
      expect(phaseOf(result, 'back').instances.launched).toBe(3);
    },
  );

  test('orphans: the one with this cluster’s tag ends, and nothing else', async () => {
    const { instances, jobs } = phaseOf(await resultOf('orphans'), 'orphans');
    expect(instances).toEqual({ launched: 6, terminated: 1 });
    expect(jobs.running).toBe(1);
  });

  test('ec2-away: nothing ends while EC2 is away, and the job that waited runs', async () => {
    const result = await resultOf('ec2-away');
    const phases = ['away', 'back'].map((name) => phaseOf(result, name).instances);
    expect(phases.reduce((sum, { launched }) => sum + launched, 0)).toBe(4);
    expect(phases.reduce((sum, { terminated }) => sum + terminated, 0)).toBe(0);
    expect(phaseOf(result, 'back').jobs.running).toBe(2);
  });

  test('power: down after idling, up again beside the old instance, by hand, and by ResumeFail', async () => {
    const result = await resultOf('power');
    expect(phaseOf(result, 'idle').instances).toEqual({ launched: 2, terminated: 2 });
    expect(phaseOf(result, 'again').instances).toEqual({ launched: 2, terminated: 2 });
    expect(phaseOf(result, 'by-hand').instances).toEqual({ launched: 1, terminated: 1 });
    expect(phaseOf(result, 'resume-fail')).toMatchObject({
      instances: { launched: 6, terminated: 3 },
      jobs: { running: 1, pending: 0, failed: 0 },
    });
  });

  test('slurm-away: slurmctld is away for most of a minute, and nothing is ended for it', async () => {
    const away = phaseOf(await resultOf('slurm-away'), 'away');
    expect(away.instances).toEqual({ launched: 4, terminated: 0 });
    expect(away.jobs).toMatchObject({ running: 2, failed: 0 });
  });

  test('static: 20 static nodes with room for 15 are none, then all; one that is lost comes back in its place', async () => {
    const result = await resultOf('static');
    expect(phaseOf(result, 'no-room').instances.launched).toBe(0);
    expect(phaseOf(result, 'whole').instances).toEqual({ launched: 20, terminated: 0 });
    const replaced = phaseOf(result, 'replaced');
    expect(replaced.instances.launched).toBe(1);
    expect(replaced.jobs.running).toBe(1);
  });

  test('fleet: stopped, everything ends and both jobs wait; started, both run', async () => {
    const result = await resultOf('fleet');
    const stopped = phaseOf(result, 'stop');
    expect(stopped.instances).toEqual({ launched: 6, terminated: 6 });
    expect(stopped.jobs).toEqual({ running: 0, pending: 2, failed: 0, completed: 0 });
    expect(phaseOf(result, 'start')).toMatchObject({
      instances: { launched: 6, terminated: 0 },
      jobs: { running: 2 },
    });
  });

  test('nothing of the labs is left running', async () => {
    await Promise.allSettled(ran.values());
    const left = readdirSync('/proc').filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(`${folder}/`);
      } catch {
        return false;
      }
    });
    expect(left).toEqual([]);
  });
});

describe('a lab', () => {
  test('says what stands in its way, and touches nothing', async () => {
    const labDir = join(folder, 'mine');
    writeFileSync(labDir, 'not a directory');
    expect((await run('lab', 'down', '--lab-dir', labDir)).code).toBe(1);
    expect(readFileSync(labDir, 'utf8')).toBe('not a directory');
    rmSync(labDir);
    expect((await run('lab', 'run', 'no-such-scenario')).code).toBe(2);
  });
});

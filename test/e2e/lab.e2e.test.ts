/**
 * The lab's scenarios by their own command, each in a lab of its own: on a real Slurm where there is one, else on the
 * model, which is said. Four lanes run side by side, because most of a scenario is waiting for Slurm's clocks. What takes
 * longer is in test/soak.ts.
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
const hasSlurm = missingPrograms().length === 0;
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
  const { code, stdout, stderr } = await run('lab', 'run', name, '--json', '--lab-dir', labDir);
  expect(stdout, stderr).not.toBe('');
  const result = JSON.parse(stdout) as ScenarioResult;
  const failed = result.phases.flatMap((phase) =>
    phase.expected.filter(({ ok }) => !ok).map((one) => ({ phase: phase.name, ...one })),
  );
  expect(failed).toEqual([]);
  expect({ code, ok: result.ok }).toEqual({ code: 0, ok: true });
  expect(existsSync(labDir), 'the lab has left its directory behind').toBe(false);
  return result;
}

function phaseOf(result: ScenarioResult, name: string): PhaseResult {
  const phase = result.phases.find((one) => one.name === name);
  if (phase === undefined) throw new Error(`there is no phase ${name}`);
  return phase;
}

/** In each lane one after the other, whatever becomes of those before. */
const lanes = [
  ['blog-2022', 'wiki-2020', 'crashes'],
  ['limits', 'array', 'wide'],
  ['boots', 'parts'],
  ['resume-rate', 'het'],
] as const;

/** Each scenario's run, awaited by its own test. */
const ran = new Map<string, Promise<ScenarioResult>>();

function resultOf(name: (typeof lanes)[number][number]): Promise<ScenarioResult> {
  const result = ran.get(name);
  if (result === undefined) throw new Error(`${name} is in no lane`);
  return result;
}

beforeAll(() => {
  process.stdout.write(
    hasSlurm
      ? 'lab: on the real Slurm of this machine\n'
      : `lab: NO REAL SLURM HERE (missing: ${missingPrograms().join(', ')}); its built-in model is used\n`,
  );
  for (const lane of lanes) {
    let last: Promise<unknown> = Promise.resolve();
    for (const name of lane) {
      const result = last.then(() => runScenario(name));
      ran.set(name, result);
      // Each is looked at by its own test; until then a failure is not nobody's.
      last = result.catch(() => undefined);
    }
  }
});

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
    expect(before.instances).toEqual({ launched: 106, terminated: 106 });
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

  test('crashes: muster is killed three times meanwhile, and nothing shows of it', async () => {
    const result = await resultOf('crashes');
    expect(phaseOf(result, 'launch').instances.launched).toBe(300);
    expect(phaseOf(result, 'run').instances.launched).toBe(0);
  });

  test('wiki-2020: six jobs on 300 nodes, fourteen fail', async () => {
    const result = await resultOf('wiki-2020');
    const launch = phaseOf(result, 'launch');
    expect(launch.instances).toEqual({ launched: 300, terminated: 0 });
    expect(launch.jobs.failed).toBe(14);
    expect(phaseOf(result, 'run').jobs).toEqual({
      running: 6,
      pending: 0,
      failed: 0,
      completed: 0,
    });
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

import { expect, test } from 'vitest';
import { createManualClock } from '../controller/testing/fakes.ts';
import { defaultSettings, type Settings } from '../core/settings.ts';
import { SchedulerError, type SchedulerConfig } from '../ports/scheduler.ts';
import { followSlurm } from './follow-slurm.ts';

const slurm: SchedulerConfig = {
  version: '22.05.8',
  resumeTimeoutMs: 1_800_000,
  suspendTimeoutMs: 120_000,
  resumeRate: 0,
};

function follow(answers: readonly (SchedulerConfig | Error)[]) {
  const left = [...answers];
  const clock = createManualClock(0);
  const reloaded: Settings[] = [];
  const said: string[] = [];
  const follower = followSlurm({
    scheduler: {
      readConfig() {
        const answer = left.shift();
        if (answer === undefined) throw new Error('asked once too often');
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    },
    clock,
    log: { write: ({ message }) => void said.push(message) },
    reload: (settings) => void reloaded.push(settings),
  });
  return { follower, clock, reloaded, said, left };
}

/** Lets what was answered be taken. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const away = new SchedulerError('Unable to contact slurm controller', { transient: true });

test("Slurm's ResumeTimeout is added to settings that have none", async () => {
  const one = follow([slurm]);
  one.follower.complete({ ...defaultSettings, clusterName: 'mine' });
  await settled();
  expect(one.reloaded).toEqual([
    { ...defaultSettings, clusterName: 'mine', resumeTimeoutMs: 1_800_000 },
  ]);
});

test('what the configuration says is not asked for', async () => {
  const one = follow([slurm]);
  one.follower.complete({ ...defaultSettings, resumeTimeoutMs: 60_000 });
  await settled();
  expect(one.reloaded).toEqual([]);
  expect(one.left).toHaveLength(1);
});

test('a slurmctld that is away is asked again until it answers, and that is said once', async () => {
  const one = follow([away, away, slurm]);
  one.follower.complete(defaultSettings);
  for (const time of [0, 30_000, 60_000]) {
    one.clock.time = time;
    one.clock.fire();
    await settled();
  }
  expect(one.reloaded.map((settings) => settings.resumeTimeoutMs)).toEqual([1_800_000]);
  expect(one.said).toHaveLength(1);
  expect(one.said[0]).toContain('Unable to contact slurm controller');
});

test('an answer to settings that were replaced meanwhile is of no use', async () => {
  const one = follow([slurm, away]);
  one.follower.complete(defaultSettings);
  one.follower.complete({ ...defaultSettings, resumeTimeoutMs: 90_000 });
  await settled();
  expect(one.reloaded).toEqual([]);
});

test('a stopped one asks no more', async () => {
  const one = follow([away]);
  one.follower.complete(defaultSettings);
  await settled();
  one.follower.stop();
  expect(one.clock.timers).toEqual([]);
});

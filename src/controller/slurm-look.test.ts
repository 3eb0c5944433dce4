/** The look at Slurm where its answers are slow; what it shows otherwise is in watch.test.ts. */
import { expect, test } from 'vitest';
import { nodeUp } from '../core/testing/node-state.ts';
import { createTestWorld } from '../core/testing/world.ts';
import type { SchedulerNode } from '../ports/scheduler.ts';
import { createSlurmLook } from './slurm-look.ts';
import { configuringJob } from './testing/fake-scheduler.ts';
import { createFakePorts, createManualClock, hold, quiet } from './testing/fakes.ts';

function show(names: readonly string[], power: SchedulerNode['power']): SchedulerNode[] {
  return names.map((node) => ({ ...nodeUp, node, reason: '', power }));
}

/**
 * q-dy-c-[1-2] were given to Slurm for job 1, their deadline has just passed, and they power up still. Job 2 came to one of
 * them, which is shared: a look asks for its nodes, too, in the end.
 */
async function overdue() {
  const one = Object.assign(createTestWorld({ bootTimeMs: 300_000 }), { boots: true });
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  const clock = createManualClock(one.now);
  const ports = createFakePorts(clock);
  ports.jobs = async () => [
    configuringJob(1, 'q-dy-c-1', 'q-dy-c-2'),
    configuringJob(2, 'q-dy-c-1', 'q-dy-c-7'),
  ];
  ports.nodes = async (names) => show(names, 'powering-up');
  const slurm = createSlurmLook(ports, one.state);
  slurm.interval();
  for (let look = 0; look < 59; look += 1) {
    clock.time += 5_000;
    await slurm.look();
  }
  clock.time += 5_000;
  /** Looks once more: each question about nodes takes so long. */
  async function lookSlowly(...takesMs: readonly number[]): Promise<readonly string[]> {
    const answers = takesMs.map(() => hold<void>());
    let asked = 0;
    ports.nodes = async (names) => {
      const answer = answers[asked];
      asked += 1;
      await answer?.promise;
      return show(names, 'powering-up');
    };
    const looking = slurm.look();
    for (const [index, answer] of answers.entries()) {
      await quiet();
      expect(asked).toBe(index + 1);
      clock.time += takesMs[index] ?? 0;
      answer.resolve();
    }
    const event = await looking;
    return event?.kind === 'SlurmSeen' ? event.late : [];
  }
  return { lookSlowly };
}

test('nodes are late by what Slurm shows of them now', async () => {
  const { lookSlowly } = await overdue();
  expect(await lookSlowly(2_000, 1_000)).toEqual(['q-dy-c-1', 'q-dy-c-2']);
});

test('nobody is late where the next question took too long: a slurmd may have registered, and its job runs', async () => {
  const { lookSlowly } = await overdue();
  expect(await lookSlowly(0, 40_000)).toEqual([]);
});

test('nor where the question about the nodes did', async () => {
  const { lookSlowly } = await overdue();
  expect(await lookSlowly(3_001, 0)).toEqual([]);
});

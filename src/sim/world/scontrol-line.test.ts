/** What reads meets the faults that commands meet, beside them, and nothing without one. */
import { describe, expect, test } from 'vitest';
import type { Scheduler } from '../../ports/scheduler.ts';
import { createSlurmModel } from '../slurm/model.ts';
import { createVirtualClock } from '../virtual-clock.ts';
import { createChronicle } from './chronicle.ts';
import { createDice, type Dice } from './dice.ts';
import { createScontrolLine } from './scontrol-line.ts';
import type { Weather } from './weather.ts';

const start = Date.UTC(2030, 0, 1);

interface Faults {
  readonly isOut?: boolean;
  readonly strikes?: boolean;
  /** What the dice say of a fault: a failure rather than a late answer; how long it takes. */
  readonly fails?: boolean;
  readonly ms?: number;
}

function createLine(faults: Faults = {}) {
  const clock = createVirtualClock(start);
  const chronicle = createChronicle(() => clock.now(), true);
  const slurm = createSlurmModel({
    clock,
    partitions: ['q'],
    nodes: [{ name: 'q-dy-c-1', partitions: ['q'] }],
    hooks: { resume: () => undefined, suspend: () => undefined, resumeFail: () => undefined },
  });
  const dice: Dice = {
    ...createDice(1, 'test'),
    chance: () => faults.fails === true,
    pick: <T>(list: readonly T[]): T => (list.includes(faults.ms as T) ? faults.ms : list[0]) as T,
  };
  const weather = {
    isOut: () => faults.isOut === true,
    strikes: () => faults.strikes === true,
  } as unknown as Weather;
  let alive = true;
  const line = createScontrolLine({
    slurm,
    clock,
    chronicle,
    weather,
    dice,
    isAlive: () => alive,
  });
  return { line, slurm, clock, chronicle, kill: () => (alive = false) };
}

async function quiet(): Promise<void> {
  for (let round = 0; round < 3; round += 1)
    await new Promise<void>((resolve) => void setImmediate(resolve));
}

/** How a call ends within `ms` of virtual time. */
async function ending(
  call: Promise<unknown>,
  clock: { advanceTo(at: number): void; now(): number },
  ms: number,
) {
  let text = 'nothing';
  call.then(
    () => (text = 'answered'),
    (error: unknown) => (text = String(error)),
  );
  for (let step = 0; step < 4; step += 1) {
    clock.advanceTo(clock.now() + ms / 4);
    await quiet();
  }
  return text;
}

const reads = new Map<string, (line: Scheduler) => Promise<unknown>>([
  ['readConfig', (line) => line.readConfig()],
  ['listJobs', (line) => line.listJobs([1])],
  ['listAllocatedJobs', (line) => line.listAllocatedJobs()],
  ['listNodes', (line) => line.listNodes(['q-dy-c-1'])],
  ['listFleet', (line) => line.listFleet()],
  ['listPartitions', (line) => line.listPartitions()],
]);

const updates = new Map<string, (line: Scheduler) => Promise<unknown>>([
  ['updateJob', (line) => line.updateJob(1, { adminComment: 'x' })],
  ['drainNodes', (line) => line.drainNodes(['q-dy-c-1'], 'x')],
  ['undrainNodes', (line) => line.undrainNodes(['q-dy-c-1'])],
  ['powerUpNodes', (line) => line.powerUpNodes(['q-dy-c-1'])],
  ['setPartitions', (line) => line.setPartitions(['q'], false)],
  ['releaseJob', (line) => line.releaseJob(1)],
]);

describe.each([...reads, ...updates])('%s', (_, call) => {
  const job = { partition: 'q', nodes: 1, seconds: 9 };

  test('is answered within a tenth of a second', async () => {
    const { line, slurm, clock } = createLine();
    await slurm.submit(job);
    expect(await ending(call(line), clock, 100)).toBe('answered');
  });

  test('fails when slurmctld is away', async () => {
    const { line, slurm, clock } = createLine({ isOut: true });
    await slurm.submit(job);
    expect(await ending(call(line), clock, 40_000)).toContain('Unable to contact slurm controller');
  });

  test('of a muster that is dead is not answered', async () => {
    const { line, clock, kill } = createLine();
    kill();
    expect(await ending(call(line), clock, 40_000)).toBe('nothing');
  });
});

describe.each([...reads])('%s', (_, call) => {
  test('fails, late, with a fault that the chronicle has', async () => {
    const { line, clock, chronicle } = createLine({ strikes: true, fails: true, ms: 60_000 });
    const asked = call(line);
    expect(await ending(asked, clock, 40_000)).toBe('nothing');
    expect(await ending(asked, clock, 40_000)).toContain('no answer within 60 s');
    expect(chronicle.faults.get('scontrol')).toBe(1);
  });

  test('is slow', async () => {
    const { line, clock } = createLine({ strikes: true, ms: 2_000 });
    const asked = call(line);
    expect(await ending(asked, clock, 1_500)).toBe('nothing');
    expect(await ending(asked, clock, 2_500)).toBe('answered');
  });
});

test('what a slow read tells is what was there when it was asked', async () => {
  const { line, slurm, clock } = createLine({ strikes: true, ms: 60_000 });
  const asked = line.listNodes(['q-dy-c-1']);
  clock.advanceTo(start + 1_000);
  await quiet();
  await slurm.downNodes(['q-dy-c-1'], 'gone');
  clock.advanceTo(start + 70_000);
  expect(await asked).toMatchObject([{ node: 'q-dy-c-1', power: 'saved', isDown: false }]);
});

test('reads run beside updates, updates one after the other', async () => {
  const { line, clock } = createLine({ isOut: true });
  const order: string[] = [];
  const note = (name: string) => () => void order.push(name);
  void line.drainNodes(['q-dy-c-1'], 'x').catch(note('drain'));
  void line.undrainNodes(['q-dy-c-1']).catch(note('undrain'));
  void line.listNodes(['q-dy-c-1']).catch(note('list'));
  for (let step = 0; step < 300; step += 1) {
    clock.advanceTo(clock.now() + 100);
    await quiet();
  }
  expect(order.filter((name) => name !== 'list')).toEqual(['drain', 'undrain']);
  expect(order.indexOf('list')).toBeLessThan(2);
});

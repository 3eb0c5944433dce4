/** Looks that fail, one after the other: an outage, since the first of them. */
import { describe, expect, test } from 'vitest';
import { createTestWorld, testStart, type DrivenWorld } from '../core/testing/world.ts';
import { CloudError } from '../ports/cloud.ts';
import { SchedulerError } from '../ports/scheduler.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createFakePorts, hold, quiet } from './testing/fakes.ts';
import { createWatch } from './watch.ts';

function watched() {
  const one: DrivenWorld = Object.assign(createTestWorld(), { boots: true });
  const clock = createVirtualClock(one.now);
  const ports = createFakePorts(clock);
  const watch = createWatch({
    world: ports,
    log: ports.log,
    state: one.state,
    enqueue: () => undefined,
  });
  async function pass(ms: number): Promise<void> {
    const until = clock.now() + ms;
    await quiet();
    while (clock.step(until)) await quiet();
    clock.advanceTo(until);
    await quiet();
  }
  return { one, ports, watch, pass };
}

/** The nodes of job 1 are given to Slurm, and nobody has registered: Slurm is looked at every five seconds. */
function booting() {
  const all = watched();
  const { one, watch } = all;
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]']);
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
  watch.wake();
  return all;
}

const away = new SchedulerError('squeue could not list jobs: slurmctld\nis away', {
  transient: true,
});

describe('Slurm', () => {
  test('that does not answer is told since the first look that failed, until one is answered', async () => {
    const { ports, watch, pass } = booting();
    const answers = ports.jobs;
    ports.jobs = async () => Promise.reject(away);
    await pass(4_000);
    expect(watch.outages().slurm).toBe(null);
    await pass(60_000);
    const error = 'squeue could not list jobs: slurmctld is away';
    expect(watch.outages().slurm).toEqual({ since: testStart + 5_000, error });
    expect(ports.lines.filter(({ message }) => message.startsWith('Slurm cannot'))).toHaveLength(1);
    ports.jobs = answers;
    await pass(5_000);
    expect(watch.outages().slurm).toBe(null);
  });

  test('that hangs is told before its commands give up', async () => {
    const { ports, watch, pass } = booting();
    const held = hold<never>();
    ports.jobs = () => held.promise;
    await pass(15_000);
    expect(watch.outages().slurm).toBe(null);
    await pass(6_000);
    expect(watch.outages().slurm).toEqual({ since: testStart + 5_000, error: 'no answer yet' });
    held.reject(away);
    await quiet();
    expect(watch.outages().slurm).toMatchObject({ since: testStart + 5_000 });
  });

  test('is forgotten when there is nothing more to be seen there', async () => {
    const { one, ports, watch, pass } = booting();
    ports.jobs = async () => Promise.reject(away);
    await pass(6_000);
    expect(watch.outages().slurm).not.toBe(null);
    one.state.boots.clear();
    one.state.gangs.clear();
    one.state.leases.clear();
    watch.wake();
    expect(watch.outages().slurm).toBe(null);
  });
});

describe('EC2', () => {
  test('that refuses is told with its code, and looked at again soon, at rest too', async () => {
    const { ports, watch, pass } = watched();
    const answers = ports.statuses;
    watch.wake();
    await pass(31_000);
    expect(watch.outages()).toEqual({ slurm: null, ec2: null });
    ports.statuses = async () => Promise.reject(new CloudError('AuthFailure', 'no'));
    await pass(10 * 60_000);
    const since = testStart + 30_000 + 10 * 60_000;
    expect(watch.outages().ec2).toEqual({ since, error: 'AuthFailure: no' });
    ports.statuses = answers;
    await pass(30_000);
    expect(watch.outages().ec2).toBe(null);
  });
});

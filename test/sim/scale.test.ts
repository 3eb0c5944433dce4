/**
 * The numbers that muster is to show, on the production controller and the models in virtual time: how many calls a
 * shortage costs, that a gang reserved first boots nothing in vain, and how long EC2's own limits hold a large gang up.
 */
import { describe, expect, test } from 'vitest';
import type { GangStrategy } from '../../src/core/settings.ts';
import {
  callsOf,
  instanceType,
  oneQueue,
  startCalmCluster,
  zone,
  type CalmCluster,
} from './calm-cluster.ts';

const minute = 60_000;

function room(capacity: number | null) {
  return [{ instanceType, availabilityZone: zone, capacity }];
}

function report(what: string, numbers: Readonly<Record<string, number | string>>): void {
  const list = Object.entries(numbers).map(([name, value]) => `${name} ${value}`);
  console.log(`${what}: ${list.join(', ')}`);
}

function jobsIn({ slurm }: CalmCluster, state: string): number {
  return [...slurm.records.jobs].filter((job) => job.state === state).length;
}

describe('a shortage', () => {
  test('20 jobs of 50 with room for 700: fourteen run, after at most 20 calls of which at most 6 are refused', async () => {
    const cluster = await startCalmCluster({
      queue: oneQueue(5_000),
      settings: {},
      slurm: { resumeTimeoutMs: 30 * minute },
      capacity: room(700),
      bootMs: 60_000,
    });
    await cluster.slurm.submit({
      partition: 'q',
      nodes: 50,
      seconds: 900,
      array: '1-20',
      exclusive: true,
    });
    await cluster.runUntil(minute);
    const first = callsOf(cluster, 'RunInstances');
    await cluster.runUntil(10 * minute, () => jobsIn(cluster, 'RUNNING') >= 14);
    const ranAfter = cluster.elapsedMs() / 1000;
    const running = jobsIn(cluster, 'RUNNING');
    const held = Math.max(cluster.controller.state.leases.size, cluster.model.stats().launched);
    await cluster.runUntil(4 * 3_600_000, () => jobsIn(cluster, 'COMPLETED') === 20);
    const all = callsOf(cluster, 'RunInstances');
    report('20 jobs of 50, room for 700', {
      'running after': `${ranAfter} s`,
      jobs: running,
      'calls in the first minute': first.all,
      'of them refused': first.refused,
      'calls until all twenty had run': all.all,
      'of those refused': all.refused,
    });
    expect(running).toBe(14);
    expect(held).toBe(700);
    expect(first.all).toBeGreaterThanOrEqual(14);
    expect(first.all).toBeLessThanOrEqual(20);
    expect(first.refused).toBeLessThanOrEqual(6);
    expect(jobsIn(cluster, 'COMPLETED')).toBe(20);
  });

  test('1,000 nodes with room for 700: under `reserve` no instance is launched, ever', async () => {
    const cluster = await startCalmCluster({
      queue: oneQueue(1_000, { strategy: 'reserve' }),
      settings: {},
      slurm: { resumeTimeoutMs: 30 * minute },
      capacity: room(700),
      bootMs: 60_000,
    });
    await cluster.slurm.submit({ partition: 'q', nodes: 1_000, seconds: 900, exclusive: true });
    await cluster.runUntil(2 * 3_600_000);
    const [job] = cluster.slurm.records.jobs;
    const stats = cluster.model.stats();
    report('1,000 nodes, room for 700, two hours', {
      launched: stats.launched,
      'RunInstances calls': callsOf(cluster, 'RunInstances').all,
      reservations: callsOf(cluster, 'CreateCapacityReservation').all,
      'of them refused': callsOf(cluster, 'CreateCapacityReservation').refused,
      'instance-seconds reserved in vain': Math.round(stats.reservedSecondsUnused),
    });
    expect(stats.launched).toBe(0);
    expect(callsOf(cluster, 'RunInstances').all).toBe(0);
    // It was tried, and tried again.
    expect(callsOf(cluster, 'CreateCapacityReservation').refused).toBeGreaterThanOrEqual(2);
    expect(job?.adminComment).toContain('InsufficientInstanceCapacity');
    expect(job?.state).toBe('PENDING');

    // Nothing but room was missing.
    cluster.model.setCapacity(instanceType, zone, 1_000);
    await cluster.runUntil(4 * 3_600_000, () => jobsIn(cluster, 'COMPLETED') === 1);
    expect(jobsIn(cluster, 'COMPLETED')).toBe(1);
    expect(cluster.model.stats().launched).toBe(1_000);
    const held = cluster.model.reservations().filter(({ state }) => state === 'active');
    expect(held).toEqual([]);
  });
});

describe("4,000 nodes against EC2's limits: 1,000 instances at once, then 2 a second", () => {
  /** What the bucket dictates. */
  const dictatedSeconds = (4_000 - 1_000) / 2;

  async function submitted(resumeTimeoutSeconds: number, strategy: GangStrategy) {
    const cluster = await startCalmCluster({
      queue: oneQueue(4_000, { strategy }),
      settings: {},
      slurm: { resumeTimeoutMs: resumeTimeoutSeconds * 1000 },
      capacity: room(null),
      bootMs: 120_000,
    });
    await cluster.slurm.submit({ partition: 'q', nodes: 4_000, seconds: 60, exclusive: true });
    return cluster;
  }

  /** When Slurm asked for the nodes, and when it had been given all of them. */
  function givenAfterSeconds({ turns }: CalmCluster): number {
    const asked = turns.find(({ event }) => event.kind === 'HookCalled')?.event.at ?? Infinity;
    for (const { event, decisions } of turns) {
      for (const decision of decisions)
        if (decision.kind === 'GangClosed' && decision.given.length === 4_000)
          return (event.at - asked) / 1000;
    }
    return Infinity;
  }

  for (const strategy of ['reserve', 'launch'] as const) {
    test(`ResumeTimeout 3,600, ${strategy}: given whole, once, at most 2 % later than the bucket dictates`, async () => {
      const cluster = await submitted(3_600, strategy);
      await cluster.runUntil(2 * 3_600_000, () => jobsIn(cluster, 'RUNNING') === 1);
      const seconds = givenAfterSeconds(cluster);
      const { launched, terminated, reservedSecondsUnused } = cluster.model.stats();
      const calls = callsOf(cluster, 'RunInstances');
      report(`4,000 nodes, ResumeTimeout 3,600, ${strategy}`, {
        'given after': `${seconds} s`,
        'over the bucket': `${((seconds / dictatedSeconds - 1) * 100).toFixed(2)} %`,
        launched,
        terminated,
        'RunInstances calls': calls.all,
        'of them refused': calls.refused,
        'instance-hours reserved unused': Math.round(reservedSecondsUnused / 3600),
      });
      expect(jobsIn(cluster, 'RUNNING')).toBe(1);
      expect(seconds).toBeGreaterThanOrEqual(dictatedSeconds);
      expect(seconds).toBeLessThanOrEqual(dictatedSeconds * 1.02);
      expect(launched).toBe(4_000);
      expect(terminated).toBe(0);
      expect(calls).toEqual({ all: 8, refused: 0 });
    });
  }

  test('ResumeTimeout 1,800: refused at once, with the ResumeTimeout that it needs, which is enough', async () => {
    const cluster = await submitted(1_800, 'reserve');
    const refusedAt = (): number | null => {
      const turn = cluster.turns.find(({ decisions }) =>
        decisions.some(({ kind }) => kind === 'JobRefused'),
      );
      return turn?.event.at ?? null;
    };
    await cluster.runUntil(minute, () => refusedAt() !== null);
    const asked = cluster.turns.find(({ event }) => event.kind === 'HookCalled')?.event.at ?? 0;
    const ms = (refusedAt() ?? Infinity) - asked;
    // The reason stands on the nodes for ten minutes.
    await cluster.runUntil(cluster.elapsedMs() + 300_000);
    const [job] = cluster.slurm.records.jobs;
    const reasons = new Set(cluster.slurm.records.nodes.map(({ reason }) => reason));
    const [reason = ''] = reasons;
    const needs = Number(/set ResumeTimeout to (\d+) at least/.exec(reason)?.[1]);
    report('4,000 nodes, ResumeTimeout 1,800', {
      'refused after': `${ms} ms`,
      'it needs': needs,
      launched: cluster.model.stats().launched,
    });
    await cluster.runUntil(cluster.elapsedMs() + 3_600_000);
    expect(ms).toBeLessThanOrEqual(1_000);
    expect(reasons.size).toBe(1);
    expect(reason).toContain('(Code:ResumeTimeoutTooShort)');
    expect(job?.adminComment).toContain(`set ResumeTimeout to ${needs} at least`);
    expect(job?.reason).toBe('JobHeldAdmin');
    expect(cluster.model.stats().launched).toBe(0);
    expect(callsOf(cluster, 'CreateCapacityReservation').all).toBe(0);

    const longer = await submitted(needs, 'reserve');
    await longer.runUntil(2 * 3_600_000, () => jobsIn(longer, 'RUNNING') === 1);
    expect(jobsIn(longer, 'RUNNING')).toBe(1);
    expect(longer.model.stats().launched).toBe(4_000);
  });
});

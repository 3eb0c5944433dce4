/**
 * A ledger that is lost while jobs run, boot and wait: no job that runs notices, none of the instances of before runs on
 * unseen, and what waited is launched again.
 */
import { describe, expect, test } from 'vitest';
import {
  instanceType,
  oneQueue,
  startCalmCluster,
  zone,
  type CalmCluster,
} from './calm-cluster.ts';

const minute = 60_000;

async function start(): Promise<CalmCluster> {
  return startCalmCluster({
    queue: oneQueue(50, { spares: 2 }),
    settings: {},
    slurm: { resumeTimeoutMs: 30 * minute, suspendTimeMs: 2 * minute, suspendTimeoutMs: minute },
    capacity: [{ instanceType, availabilityZone: zone, capacity: null }],
    bootMs: 90_000,
  });
}

async function submit({ slurm }: CalmCluster, nodes: number, seconds: number): Promise<void> {
  await slurm.submit({ partition: 'q', nodes, seconds, exclusive: true });
}

const states = ({ slurm }: CalmCluster): string[] =>
  [...slurm.records.jobs].map(({ state }) => state);

/** Instances of which nobody has asked the end. */
function alive({ model }: CalmCluster): number {
  return [...model.instances()].filter(({ endAskedAt }) => endAskedAt === null).length;
}

/** Everything that was submitted has run, once, and nothing is left of it. */
async function settles(cluster: CalmCluster): Promise<void> {
  await cluster.runUntil(3 * 60 * minute, () => alive(cluster) === 0 && isDone(cluster));
  expect(states(cluster).every((state) => state === 'COMPLETED')).toBe(true);
  expect(alive(cluster)).toBe(0);
  expect([...cluster.slurm.records.jobs].every(({ restarts }) => restarts === 0)).toBe(true);
}

function isDone(cluster: CalmCluster): boolean {
  return states(cluster).every((state) => state === 'COMPLETED');
}

describe('the ledger is lost, the registry is not', () => {
  test('while a job runs: it runs on, its instances are its own again, and end when it is over', async () => {
    const cluster = await start();
    await submit(cluster, 10, 1_200);
    await cluster.runUntil(5 * minute);
    expect(states(cluster)).toEqual(['RUNNING']);
    await cluster.loseLedger();
    await cluster.runUntil(10 * minute);
    expect(cluster.controller.state.leases.size).toBe(10);
    expect(alive(cluster)).toBe(10);
    await settles(cluster);
    expect(cluster.model.stats().launched).toBe(12);
  });

  test('while a gang boots: it comes up, and its spares end', async () => {
    const cluster = await start();
    await submit(cluster, 10, 300);
    await cluster.runUntil(minute);
    expect(states(cluster)).toEqual(['CONFIGURING']);
    expect(alive(cluster)).toBe(12);
    await cluster.loseLedger();
    await cluster.runUntil(4 * minute);
    expect(states(cluster)).toEqual(['RUNNING']);
    await settles(cluster);
  });

  test('while a launch is out: what it brings ends, and the job is launched again', async () => {
    const cluster = await start();
    await submit(cluster, 10, 300);
    await cluster.runUntil(minute, () => cluster.model.stats().launched > 0);
    expect(alive(cluster)).toBe(12);
    await cluster.loseLedger();
    await cluster.runUntil(3 * 60 * minute, () => alive(cluster) === 0 && isDone(cluster));
    expect(states(cluster)).toEqual(['COMPLETED']);
    expect(alive(cluster)).toBe(0);
  });
});

describe('the ledger is lost, and the registry with it', () => {
  test('while a job runs: nothing is ended until Slurm has powered its nodes down', async () => {
    const cluster = await start();
    await submit(cluster, 10, 1_200);
    await cluster.runUntil(5 * minute);
    expect(states(cluster)).toEqual(['RUNNING']);
    await cluster.loseLedger({ names: false });
    await cluster.runUntil(20 * minute);
    expect(states(cluster)).toEqual(['RUNNING']);
    expect(alive(cluster)).toBe(10);
    await settles(cluster);
    expect(cluster.model.stats().launched).toBe(12);
  });

  test('while a launch is out: what it brings ends, and the job is launched again', async () => {
    const cluster = await start();
    await submit(cluster, 10, 300);
    await cluster.runUntil(minute, () => cluster.model.stats().launched > 0);
    await cluster.loseLedger({ names: false });
    await cluster.runUntil(3 * 60 * minute, () => alive(cluster) === 0 && isDone(cluster));
    expect(states(cluster)).toEqual(['COMPLETED']);
    expect(alive(cluster)).toBe(0);
  });
});

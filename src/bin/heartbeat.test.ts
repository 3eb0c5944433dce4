import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHeartbeat } from '../adapters/registry/heartbeat.ts';
import { readOutages } from '../adapters/system/outages.ts';
import { createManualClock, type ManualClock } from '../controller/testing/fakes.ts';
import type { Outages } from '../ports/outages.ts';
import { beatEveryMs, startHeartbeat } from './heartbeat.ts';

let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'muster-heartbeat-'));
});

afterEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});

function parts(at: string) {
  const clock = createManualClock(1_000);
  const said: string[] = [];
  const controller: { canWrite: boolean; outages: Outages } = {
    canWrite: true,
    outages: { slurm: null, ec2: null },
  };
  const log = { write: ({ message }: { message: string }) => void said.push(message) };
  return { clock, said, controller, all: { stateDir: at, clock, log, controller } };
}

function later(clock: ManualClock, time: number): void {
  clock.time = time;
  clock.fire();
}

const beat = (): number | undefined => readHeartbeat(stateDir)?.at;

test('it beats at once, and again and again until it is stopped', async () => {
  const { clock, all } = parts(stateDir);
  const stop = await startHeartbeat(all);
  expect(beat()).toBe(1_000);
  later(clock, 1_000 + beatEveryMs);
  await expect.poll(beat).toBe(1_000 + beatEveryMs);
  await expect.poll(() => clock.timers.length).toBe(1);
  stop();
  expect(clock.timers.length).toBe(0);
});

test('it stands still while the ledger refuses, and goes on after that', async () => {
  const { clock, controller, all } = parts(stateDir);
  controller.canWrite = false;
  await startHeartbeat(all);
  expect(beat()).toBe(undefined);
  controller.canWrite = true;
  later(clock, 1_000 + beatEveryMs);
  await expect.poll(beat).toBe(1_000 + beatEveryMs);
});

test('one that cannot be written is told once, and is tried again', async () => {
  writeFileSync(join(stateDir, 'registry'), 'no folder');
  const { clock, said, all } = parts(stateDir);
  await startHeartbeat(all);
  expect(said).toEqual([expect.stringContaining('The heartbeat cannot be written')]);
  later(clock, 1_000 + beatEveryMs);
  await expect.poll(() => clock.timers.length).toBe(1);
  expect(said).toHaveLength(1);
  rmSync(join(stateDir, 'registry'));
  later(clock, 1_000 + 2 * beatEveryMs);
  await expect.poll(beat).toBe(1_000 + 2 * beatEveryMs);
});

test('with each beat it notes whom muster gets no answers from', async () => {
  const { clock, controller, all } = parts(stateDir);
  await startHeartbeat(all);
  expect(readOutages(stateDir)).toEqual({ at: 1_000, slurm: null, ec2: null });
  const slurm = { since: 500, error: 'slurmctld is away' };
  controller.outages = { slurm, ec2: null };
  later(clock, 1_000 + beatEveryMs);
  await expect
    .poll(() => readOutages(stateDir))
    .toEqual({ at: 1_000 + beatEveryMs, slurm, ec2: null });
});

test('that they cannot be noted is told once, and keeps no heartbeat back', async () => {
  mkdirSync(join(stateDir, 'outages.json'));
  const { clock, said, all } = parts(stateDir);
  await startHeartbeat(all);
  later(clock, 1_000 + beatEveryMs);
  await expect.poll(beat).toBe(1_000 + beatEveryMs);
  await expect.poll(() => clock.timers.length).toBe(1);
  expect(said).toEqual([expect.stringContaining('muster status does not learn of outages')]);
});

import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdtempSync, openSync, closeSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import {
  endProcesses,
  isAlive,
  LAB_ID_VARIABLE,
  markOf,
  processesOfLab,
  signal,
} from './processes.ts';
import type { ProcessMark } from './processes.ts';

const children: ChildProcess[] = [];

afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

function start(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ProcessMark {
  const child = spawn(program, [...args], {
    stdio: 'ignore',
    env: { PATH: '/usr/bin:/bin', ...env },
  });
  children.push(child);
  const mark = child.pid === undefined ? null : markOf(child.pid);
  if (mark === null) throw new Error(`${program} did not start`);
  return mark;
}

async function until(condition: () => boolean): Promise<void> {
  for (let tries = 0; tries < 200 && !condition(); tries += 1) await sleep(20);
  expect(condition()).toBe(true);
}

test('a process is ended, and waited for', async () => {
  const mark = start('sleep', ['60']);
  expect(isAlive(mark)).toBe(true);
  await endProcesses([mark], 2_000);
  expect(isAlive(mark)).toBe(false);
});

test('one that does not listen to SIGTERM is killed when its time is over', async () => {
  const child = spawn('sh', ['-c', 'trap "" TERM; echo deaf; while :; do sleep 0.05; done'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  children.push(child);
  await once(child.stdout, 'data');
  const mark = markOf(child.pid ?? 0);
  if (mark === null) throw new Error('the shell did not start');
  await endProcesses([mark], 100);
  expect(isAlive(mark)).toBe(false);
});

test('a pid that another process has now is left alone', async () => {
  const mark = start('sleep', ['60']);
  const former = { ...mark, startTime: '1' };
  expect(isAlive(former)).toBe(false);
  expect(signal(former, 'SIGKILL')).toBe(false);
  await endProcesses([former], 50);
  expect(isAlive(mark)).toBe(true);
});

test('only a living process has a mark', () => {
  expect(markOf(0x3fffff)).toBeNull();
  const mark = markOf(process.pid);
  expect(mark === null ? false : isAlive(mark)).toBe(true);
});

test("a lab's processes are those with its id and their descendants, and no others", async () => {
  const labId = 'test-lab-1';
  const own = start('sleep', ['61'], { [LAB_ID_VARIABLE]: labId });
  const other = start('sleep', ['62'], { [LAB_ID_VARIABLE]: 'test-lab-10' });
  const stranger = start('sleep', ['63']);
  // As a job's processes: a child whose environment says nothing.
  const parent = start('sh', ['-c', `env -u ${LAB_ID_VARIABLE} sleep 64 & wait`], {
    [LAB_ID_VARIABLE]: labId,
  });
  const find = (): readonly ProcessMark[] => processesOfLab(labId, '/nonexistent');
  await until(() => find().length === 3);
  const found = find();
  expect(found).toContainEqual(own);
  expect(found).toContainEqual(parent);
  expect(found).not.toContainEqual(other);
  expect(found).not.toContainEqual(stranger);
  await endProcesses(found, 2_000);
  expect(find()).toEqual([]);
  expect(isAlive(other)).toBe(true);
  expect(isAlive(stranger)).toBe(true);
});

test('a step that says nothing of its lab is known by its program and an open file of the lab', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'lab-steps-'));
  const file = openSync(join(folder, 'step.log'), 'w');
  const startAs = (name: string): ProcessMark => {
    copyFileSync('/bin/sleep', join(folder, name));
    const child = spawn(join(folder, name), ['60'], { stdio: ['ignore', file, 'ignore'], env: {} });
    children.push(child);
    const mark = markOf(child.pid ?? 0);
    if (mark === null) throw new Error(`${name} did not start`);
    return mark;
  };
  try {
    const steps = [startAs('slurmstepd'), startAs('slurmstepd-wlm')];
    const stranger = startAs('sleeper');
    await until(() => processesOfLab('no-such-id', folder).length === 2);
    expect(processesOfLab('no-such-id', folder)).toEqual(expect.arrayContaining(steps));
    expect(isAlive(stranger)).toBe(true);
    expect(processesOfLab('no-such-id', `${folder}-2`)).toEqual([]);
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true, force: true });
  }
});

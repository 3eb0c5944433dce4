import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  chooseLabDir,
  claimLabDir,
  endLab,
  labPaths,
  readLabState,
  releaseHold,
  rememberProcess,
  removeLab,
  writeLabState,
} from './lab-dir.ts';
import type { LabPaths } from './lab-dir.ts';
import { isAlive, LAB_ID_VARIABLE, markOf } from './processes.ts';
import type { ProcessMark } from './processes.ts';

let folder = '';
let paths: LabPaths;
const pids: number[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lab-dir-'));
  paths = labPaths(join(folder, 'lab'));
});

afterEach(() => {
  for (const pid of pids.splice(0)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // The test has ended it.
    }
  }
  rmSync(folder, { recursive: true, force: true });
});

function startSleep(env: NodeJS.ProcessEnv = {}): ProcessMark {
  const child = spawn('sleep', ['60'], { stdio: 'ignore', env: { PATH: '/usr/bin:/bin', ...env } });
  const mark = child.pid === undefined ? null : markOf(child.pid);
  if (mark === null) throw new Error('sleep did not start');
  pids.push(mark.pid);
  return mark;
}

const gone: ProcessMark = { pid: 0x3fffff, startTime: '1' };

describe('which directory', () => {
  test('the option, else MUSTER_LAB_DIR, else the customary one', () => {
    expect(chooseLabDir('/a', { MUSTER_LAB_DIR: '/b' })).toBe('/a');
    expect(chooseLabDir(undefined, { MUSTER_LAB_DIR: '/b' })).toBe('/b');
    expect(chooseLabDir(undefined, {})).toBe('/var/tmp/muster-lab');
  });

  test.each(['relative', '/', '//', '/a b', '/a;rm', '', '/a/../..'])('"%s" is refused', (dir) => {
    expect(() => chooseLabDir(dir, {})).toThrow('absolute path');
  });
});

describe('claiming', () => {
  test('a new directory gets an id and this process as its holder', async () => {
    const state = await claimLabDir(paths);
    expect(state.labId).toMatch(/^[0-9a-f-]{36}$/);
    expect(state.holder).toEqual(markOf(process.pid));
    expect(readLabState(paths)).toEqual(state);
  });

  test('one with a living lab is refused, and nothing of it is touched', async () => {
    const first = await claimLabDir(paths);
    await expect(claimLabDir(paths)).rejects.toThrow(/already up in .*muster lab down --lab-dir/);
    expect(readLabState(paths)).toEqual(first);
  });

  test('one whose lab runs on without a holder is refused, too', async () => {
    await claimLabDir(paths);
    const mark = startSleep();
    rememberProcess(paths, 'slurmctld', mark);
    releaseHold(paths);
    await expect(claimLabDir(paths)).rejects.toThrow(`processes ${mark.pid}`);
    expect(isAlive(mark)).toBe(true);
  });

  test('what a crash left behind is ended and removed', async () => {
    const crashed = await claimLabDir(paths);
    const left = startSleep({ [LAB_ID_VARIABLE]: crashed.labId });
    const remembered = startSleep();
    writeLabState(paths, {
      ...crashed,
      holder: gone,
      processes: [{ role: 'munged', ...remembered }],
    });
    writeFileSync(join(paths.root, 'old.log'), 'old');
    const state = await claimLabDir(paths);
    expect(state.labId).not.toBe(crashed.labId);
    expect(isAlive(left)).toBe(false);
    expect(isAlive(remembered)).toBe(false);
    expect(existsSync(join(paths.root, 'old.log'))).toBe(false);
  });

  test('a directory with files of somebody else is refused', async () => {
    mkdirSync(paths.root);
    writeFileSync(join(paths.root, 'thesis.tex'), 'years');
    await expect(claimLabDir(paths)).rejects.toThrow('first entry: "thesis.tex"');
    expect(existsSync(join(paths.root, 'thesis.tex'))).toBe(true);
  });

  test('a link is not followed', async () => {
    const target = join(folder, 'target');
    mkdirSync(target);
    symlinkSync(target, paths.root);
    await expect(claimLabDir(paths)).rejects.toThrow('links are not followed');
  });
});

describe('taking down', () => {
  test('ends the processes of the lab, only those, and removes the directory', async () => {
    const { labId } = await claimLabDir(paths);
    const remembered = startSleep();
    const marked = startSleep({ [LAB_ID_VARIABLE]: labId });
    const stranger = startSleep();
    rememberProcess(paths, 'slurmctld', remembered);
    // A pid that was given to another process since.
    rememberProcess(paths, 'munged', { ...stranger, startTime: '1' });
    expect(await removeLab(paths)).toBe(true);
    expect(isAlive(remembered)).toBe(false);
    expect(isAlive(marked)).toBe(false);
    expect(isAlive(stranger)).toBe(true);
    expect(existsSync(paths.root)).toBe(false);
  });

  test('where there is no lab it does nothing', async () => {
    expect(await removeLab(paths)).toBe(false);
    mkdirSync(paths.root);
    writeFileSync(join(paths.root, 'thesis.tex'), 'years');
    expect(await removeLab(paths)).toBe(false);
    expect(existsSync(join(paths.root, 'thesis.tex'))).toBe(true);
  });

  test("a lab.json that is not a lab's stops it", async () => {
    mkdirSync(paths.root);
    writeFileSync(paths.state, '{"pid": 1}');
    await expect(removeLab(paths)).rejects.toThrow("not a lab's state file");
    expect(existsSync(paths.state)).toBe(true);
  });

  test('the files can be kept for somebody who looks for a fault', async () => {
    const { labId } = await claimLabDir(paths);
    const marked = startSleep({ [LAB_ID_VARIABLE]: labId });
    expect(await endLab(paths)).toBe(true);
    expect(isAlive(marked)).toBe(false);
    expect(existsSync(paths.state)).toBe(true);
  });
});

import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createSystemClock } from './clock.ts';
import { formatLogLine, openFileLog } from './log.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-log-'));
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('a line of the log', () => {
  test("is in ParallelCluster's format, in local time", () => {
    const at = new Date(2022, 5, 1, 3, 7, 5, 45);
    const line = {
      level: 'ERROR',
      source: 'muster.launch:run_instances',
      message: 'Failed RunInstances request: b816',
    } as const;
    expect(formatLogLine(at, line)).toBe(
      '2022-06-01 03:07:05,045 - [muster.launch:run_instances] - ERROR - Failed RunInstances request: b816',
    );
  });

  test('is one line, whatever its message is', () => {
    const line = { level: 'INFO', source: 's', message: 'a\nb\r\n\r\nc' } as const;
    expect(formatLogLine(new Date(), line)).toMatch(/ - INFO - a b c$/);
  });
});

describe('the log file', () => {
  const line = { level: 'INFO', source: 'muster.test:it', message: 'said' } as const;

  test("has ParallelCluster's name, and what was in it", () => {
    writeFileSync(join(dir, 'slurm_resume.log'), 'before\n');
    const log = openFileLog(dir);
    log.write(line);
    log.write(line);
    expect(log.path).toBe(join(dir, 'slurm_resume.log'));
    expect(readFileSync(log.path, 'utf8')).toMatch(
      /^before\n(.+ - \[muster\.test:it\] - INFO - said\n){2}$/,
    );
  });

  test('is made with its folder, not for everybody', () => {
    const log = openFileLog(join(dir, 'a', 'b'));
    expect(statSync(log.path).mode & 0o137).toBe(0);
  });

  test('that cannot be made is an error', () => {
    writeFileSync(join(dir, 'file'), '');
    expect(() => openFileLog(join(dir, 'file'))).toThrow();
  });
});

describe('the clock of the machine', () => {
  test('tells the time, and wakes no earlier than asked, unless cancelled', async () => {
    const clock = createSystemClock();
    const before = clock.now();
    expect(Math.abs(before - Date.now())).toBeLessThan(1_000);
    let cancelled = false;
    clock.schedule(1, () => (cancelled = true))();
    await new Promise<void>((resolve) => void clock.schedule(30, resolve));
    expect(clock.now() - before).toBeGreaterThanOrEqual(28);
    expect(cancelled).toBe(false);
    await new Promise<void>((resolve) => void clock.schedule(-5, resolve));
  });
});

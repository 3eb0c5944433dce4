import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { consoleLogName, createConsoleLog } from './console-log.ts';

let dir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-consoles-'));
});

afterEach(() => {
  vi.restoreAllMocks();
  rmSync(dir, { recursive: true, force: true });
});

test("a console is kept in ParallelCluster's file and format, one line each", () => {
  const folder = join(dir, 'logs');
  const consoles = createConsoleLog(folder);
  consoles.append({ node: 'q-dy-a-1', instanceId: 'i-1', output: 'GRUB\r\npanic\nend' });
  consoles.append({ node: 'q-dy-a-2', instanceId: 'i-2', output: 'no root' });
  const path = join(folder, consoleLogName);
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines).toEqual([
    expect.stringMatching(
      /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - Console output for node q-dy-a-1 \(Instance Id i-1\):\rGRUB\rpanic\rend$/,
    ),
    expect.stringMatching(/ - Console output for node q-dy-a-2 \(Instance Id i-2\):\rno root$/),
    '',
  ]);
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test('nothing is written before there is a console', () => {
  createConsoleLog(join(dir, 'logs'));
  expect(() => statSync(join(dir, 'logs'))).toThrow();
});

test('what cannot be kept is told, and stops nothing', () => {
  const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  writeFileSync(join(dir, 'file'), '');
  createConsoleLog(join(dir, 'file')).append({ node: 'n', instanceId: 'i-1', output: 'x' });
  expect(told.mock.calls).toEqual([
    [expect.stringContaining('The console of i-1 is not kept: ') as string],
  ]);
});

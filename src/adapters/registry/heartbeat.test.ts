import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openFileRegistry } from './files.ts';
import { readHeartbeat, writeHeartbeat } from './heartbeat.ts';

let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'muster-heartbeat-'));
});

afterEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});

const path = (): string => join(stateDir, 'registry', 'heartbeat');

test('a heartbeat is one line that a shell can read, and replaces the one before', async () => {
  const at = Date.UTC(2026, 10, 26, 18);
  await writeHeartbeat(stateDir, { at, everyMs: 10_000 });
  expect(readFileSync(path(), 'utf8')).toBe('2026-11-26T18:00:00.000Z 10\n');
  await writeHeartbeat(stateDir, { at: at + 500, everyMs: 1_500 });
  expect(readHeartbeat(stateDir)).toEqual({ at: at + 500, everyMs: 2_000 });
  expect(readdirSync(join(stateDir, 'registry'))).toEqual(['heartbeat']);
});

test('none, and one that cannot be read, are none', () => {
  expect(readHeartbeat(stateDir)).toBe(null);
  mkdirSync(join(stateDir, 'registry'));
  for (const text of ['', '\n', 'yesterday 10\n', '2026-11-26T18:00:00.000Z\n', 'a b c\n']) {
    writeFileSync(path(), text);
    expect(readHeartbeat(stateDir)).toBe(null);
  }
});

test('the registry does not take it for an instance, and leaves it alone', async () => {
  await writeHeartbeat(stateDir, { at: 0, everyMs: 10_000 });
  const registry = await openFileRegistry(stateDir);
  await registry.remove(['1970-01-01T00:00:00.000Z']);
  expect(readHeartbeat(stateDir)).toEqual({ at: 0, everyMs: 10_000 });
});

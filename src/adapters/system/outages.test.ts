import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readOutages, writeOutages } from './outages.ts';

let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'muster-outages-'));
});

afterEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});

const at = Date.UTC(2026, 10, 26, 18);
const path = (): string => join(stateDir, 'outages.json');

test('what is written is read, and replaces what was before', async () => {
  await writeOutages(stateDir, { at: at - 1, slurm: null, ec2: null });
  const seen = { at, slurm: { since: at - 60_000, error: 'away' }, ec2: null };
  await writeOutages(stateDir, seen);
  expect(readOutages(stateDir)).toEqual(seen);
  expect(readFileSync(path(), 'utf8')).toBe(
    '{"at":"2026-11-26T18:00:00.000Z","slurm":{"since":"2026-11-26T17:59:00.000Z","error":"away"},"ec2":null}\n',
  );
  expect(readdirSync(stateDir)).toEqual(['outages.json']);
});

test('it is for muster’s user and group: EC2’s errors name the account', async () => {
  await writeOutages(stateDir, { at, slurm: null, ec2: null });
  expect(statSync(path()).mode & 0o007).toBe(0);
});

test('none, and one that cannot be read, are none', () => {
  expect(readOutages(stateDir)).toBe(null);
  for (const text of ['', '{}', 'null', '[]', '{"at":"yesterday","slurm":null,"ec2":null}']) {
    writeFileSync(path(), text);
    expect(readOutages(stateDir)).toBe(null);
  }
});

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { calledAs } from './called-as.ts';

let folder = '';
let launcher = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'called-as-'));
  mkdirSync(join(folder, 'checkout'));
  mkdirSync(join(folder, 'path'));
  launcher = join(folder, 'checkout/muster');
  writeFileSync(launcher, '', { mode: 0o755 });
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('by its path, where the PATH does not lead to it', () => {
  expect(calledAs(launcher, `/nowhere:${folder}/path`)).toBe(launcher);
  expect(calledAs(launcher, undefined)).toBe(launcher);
});

test('by its name, where the PATH does, through a link too', () => {
  symlinkSync(launcher, join(folder, 'path/muster'));
  expect(calledAs(launcher, `/nowhere:${folder}/path`)).toBe('muster');
});

test('by its path, where the PATH leads to another one', () => {
  writeFileSync(join(folder, 'path/muster'), '', { mode: 0o755 });
  expect(calledAs(launcher, `${folder}/path`)).toBe(launcher);
});

test('as the shell reads it', () => {
  expect(calledAs("/srv/it's here/muster", '')).toBe(`'/srv/it'\\''s here/muster'`);
});

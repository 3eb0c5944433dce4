import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Registry } from '../../ports/registry.ts';
import { openFileRegistry } from './files.ts';

let stateDir: string;
let registry: Registry;

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'muster-registry-'));
  registry = await openFileRegistry(stateDir);
});

afterEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});

const dir = (): string => join(stateDir, 'registry');

/** What an instance's boot script finds: the lines of all files that are not hidden. */
function lines(): string[] {
  return readdirSync(dir())
    .filter((name) => !name.startsWith('.'))
    .flatMap((name) => readFileSync(join(dir(), name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .toSorted();
}

function entries(...numbers: number[]) {
  return numbers.map((number) => ({ instanceId: `i-${number}`, node: `q-dy-c-${number}` }));
}

describe('the registry', () => {
  test('tells each instance its node, a gang in one file that all may read', async () => {
    await registry.publish(entries(1, 2, 3));
    expect(lines()).toEqual(['i-1 q-dy-c-1', 'i-2 q-dy-c-2', 'i-3 q-dy-c-3']);
    const files = readdirSync(dir());
    expect(files).toHaveLength(1);
    expect(statSync(join(dir(), files[0] ?? '')).mode & 0o444).toBe(0o444);
  });

  test('forgets those that end, and the file with the last of them', async () => {
    await registry.publish(entries(1, 2, 3));
    await registry.remove(['i-1', 'i-3']);
    expect(lines()).toEqual(['i-2 q-dy-c-2']);
    await registry.remove(['i-2', 'i-9']);
    expect(readdirSync(dir())).toEqual([]);
  });

  test('says the same when it is told the same again', async () => {
    await registry.publish(entries(1, 2));
    await registry.publish(entries(1, 2));
    await registry.publish(entries(2, 3));
    expect(lines()).toEqual(['i-1 q-dy-c-1', 'i-2 q-dy-c-2', 'i-3 q-dy-c-3']);
    await registry.remove(['i-2']);
    await registry.remove(['i-2']);
    expect(lines()).toEqual(['i-1 q-dy-c-1', 'i-3 q-dy-c-3']);
  });

  test('knows after a restart what it knew, and passes over what a crash left', async () => {
    await registry.publish(entries(1, 2));
    writeFileSync(join(dir(), '.i-7'), 'i-7 q-dy-');
    const next = await openFileRegistry(stateDir);
    await next.publish(entries(2, 3));
    await next.remove(['i-1']);
    expect(lines()).toEqual(['i-2 q-dy-c-2', 'i-3 q-dy-c-3']);
  });

  test('makes changes one after another, whatever is asked at once', async () => {
    await registry.publish(entries(1, 2, 3, 4, 5, 6));
    await Promise.all([
      registry.remove(['i-1']),
      registry.publish(entries(7)),
      registry.remove(['i-2', 'i-7']),
      registry.remove(['i-3']),
    ]);
    expect(lines()).toEqual(['i-4 q-dy-c-4', 'i-5 q-dy-c-5', 'i-6 q-dy-c-6']);
  });

  test('tells of a change that failed, and makes the next; the failed one may be repeated', async () => {
    await registry.publish(entries(1, 2));
    rmSync(dir(), { recursive: true });
    await expect(registry.remove(['i-1'])).rejects.toThrow('ENOENT');
    await openFileRegistry(stateDir);
    await registry.remove(['i-1']);
    expect(lines()).toEqual(['i-2 q-dy-c-2']);
  });

  test('writes nothing for nothing', async () => {
    await registry.publish([]);
    await registry.remove([]);
    expect(readdirSync(dir())).toEqual([]);
  });
});

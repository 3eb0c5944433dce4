/** A ledger that may not be read or written is not one that does not exist: each way in which it is so, with its path. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openLedgerReader, openLedgerWriter } from './sqlite.ts';

let dir: string;
let stateDir: string;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-unusable-'));
  chmodSync(dir, 0o755);
  stateDir = join(dir, 'state');
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function written(): void {
  const result = openLedgerWriter(stateDir);
  if (result.kind === 'locked') throw new Error(result.message);
  result.ledger.close();
}

/** The code and the path of what it throws, in a process of somebody else's who is not root. */
function asSomebodyElse(call: 'openLedgerReader' | 'openLedgerWriter'): string {
  const module = fileURLToPath(new URL('sqlite.ts', import.meta.url));
  const script = `const ledger = await import(${JSON.stringify(module)});
    process.setgroups([]); process.setgid(65534); process.setuid(65534);
    try { console.log(ledger.${call}(${JSON.stringify(stateDir)})) }
    catch (error) { console.log(error.code, error.path) }`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
  return String(spawnSync(process.execPath, args).stdout).trim();
}

describe('somebody else', () => {
  const isRoot = process.getuid?.() === 0;

  test.runIf(isRoot)('may not read a ledger that is its owner’s alone', () => {
    written();
    expect(asSomebodyElse('openLedgerReader')).toBe(`EACCES ${join(stateDir, 'ledger.db')}`);
  });

  test.runIf(isRoot)('may not write where the folder is not theirs', () => {
    expect(asSomebodyElse('openLedgerWriter')).toBe(`EACCES ${stateDir}`);
    mkdirSync(stateDir);
    expect(asSomebodyElse('openLedgerWriter')).toBe(`EACCES ${stateDir}`);
  });

  test.runIf(isRoot)('is refused a lock that they may only read: it would keep nobody out', () => {
    mkdirSync(stateDir);
    chmodSync(stateDir, 0o777);
    writeFileSync(join(stateDir, 'ledger.lock'), '');
    expect(asSomebodyElse('openLedgerWriter')).toBe(`EACCES ${join(stateDir, 'ledger.lock')}`);
  });

  test.runIf(isRoot)('may read a ledger at rest only where they may make its log', () => {
    written();
    chmodSync(stateDir, 0o755);
    chmodSync(join(stateDir, 'ledger.db'), 0o644);
    expect(asSomebodyElse('openLedgerReader')).toBe(`EACCES ${stateDir}`);
  });
});

test('a file in the place of the folder is told, to readers and writers', () => {
  writeFileSync(stateDir, '');
  const path = join(stateDir, 'ledger.db');
  expect(() => openLedgerReader(stateDir)).toThrow(
    expect.objectContaining({ code: 'ENOTDIR', path }),
  );
  expect(() => openLedgerWriter(stateDir)).toThrow(
    expect.objectContaining({ code: 'EEXIST', path: stateDir }),
  );
});

test('so is a folder in the place of the ledger, or of its lock', () => {
  const [path, lock] = ['ledger.db', 'ledger.lock'].map((name) => join(stateDir, name));
  mkdirSync(path ?? '', { recursive: true });
  const isFolder = expect.objectContaining({ code: 'EISDIR', path });
  expect(() => openLedgerReader(stateDir)).toThrow(isFolder);
  expect(() => openLedgerWriter(stateDir)).toThrow(isFolder);
  rmSync(lock ?? '');
  mkdirSync(lock ?? '');
  expect(() => openLedgerWriter(stateDir)).toThrow(
    expect.objectContaining({ code: 'EISDIR', path: lock }),
  );
});

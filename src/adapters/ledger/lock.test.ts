import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isLedgerHeld, lockLedger } from './lock.ts';

const module = fileURLToPath(new URL('lock.ts', import.meta.url));

let stateDir: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'muster-lock-'));
});

afterEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});

function hold() {
  const result = lockLedger(stateDir);
  if (result.kind === 'locked') throw new Error(result.message);
  return result.lock;
}

/** In a process of its own, which says when it has done what it does first and goes on until it is ended. */
async function otherProcess(script: string): Promise<() => Promise<void>> {
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e'];
  const source = `const { isLedgerHeld, lockLedger } = await import(${JSON.stringify(module)});
    const stateDir = ${JSON.stringify(stateDir)};
    ${script}`;
  const child = spawn(process.execPath, [...args, source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}

test('it is held from the lock to its close, and by a process until that is killed', async () => {
  expect(isLedgerHeld(stateDir)).toBe(false);
  const lock = hold();
  expect(isLedgerHeld(stateDir)).toBe(true);
  lock.close();
  expect(isLedgerHeld(stateDir)).toBe(false);
  const kill = await otherProcess(
    // Kept: what nobody refers to is collected, and closed by that.
    `globalThis.held = lockLedger(stateDir); console.log('held'); setInterval(() => undefined, 1000);`,
  );
  expect(isLedgerHeld(stateDir)).toBe(true);
  await kill();
  expect(isLedgerHeld(stateDir)).toBe(false);
});

test('who asks makes no file', () => {
  expect(isLedgerHeld(stateDir)).toBe(false);
  expect(isLedgerHeld(join(stateDir, 'nowhere'))).toBe(false);
  expect(readdirSync(stateDir)).toEqual([]);
});

test('what may not be looked at is not known', () => {
  mkdirSync(join(stateDir, 'ledger.lock'));
  expect(isLedgerHeld(stateDir)).toBe(null);
});

test('asking again and again keeps no muster from its start, and takes nobody’s lock away', async () => {
  hold().close();
  const kill = await otherProcess(
    `for (let asked = 0; ; asked += 1) { isLedgerHeld(stateDir); if (asked === 100) console.log('asks'); }`,
  );
  try {
    for (let round = 0; round < 200; round += 1) hold().close();
    const lock = hold();
    for (let round = 0; round < 20; round += 1) expect(isLedgerHeld(stateDir)).toBe(true);
    lock.close();
  } finally {
    await kill();
  }
});

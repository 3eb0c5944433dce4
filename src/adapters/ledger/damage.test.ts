/** A ledger of which a page, a row or the log is not as it was written: it is refused, kept, and begun anew. */
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Turn } from '../../core/turn.ts';
import { DamagedLedgerError } from './integrity.ts';
import { checkLedger, renewLedger } from './renew.ts';
import { openLedgerReader, openLedgerWriter } from './sqlite.ts';

const pageBytes = 4096;
const at = Date.UTC(2026, 10, 26, 18, 30);

let stateDir: string;
let path: string;

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'muster-damage-'));
  path = join(stateDir, 'ledger.db');
});

afterEach(() => {
  rmSync(stateDir, { recursive: true, force: true });
});

/** Some are longer than a page, as those of large gangs are. */
function turn(number: number): Turn {
  const nodes = Array.from({ length: number % 7 === 0 ? 600 : 5 }, (_, index) => `q-dy-c-${index}`);
  return {
    event: { kind: 'Woke', at: 1_000 + number },
    decisions: [{ kind: 'NodesRegistered', nodes }],
    effects: [],
  };
}

/** A ledger that was closed in order: all of it is in the database. */
async function written(turns = 80): Promise<void> {
  const result = openLedgerWriter(stateDir);
  if (result.kind === 'locked') throw new Error(result.message);
  await result.ledger.append(Array.from({ length: turns }, (_, index) => turn(index + 1)));
  result.ledger.close();
}

function overwrite(offset: number, bytes: Buffer): void {
  const file = readFileSync(path);
  bytes.copy(file, offset);
  writeFileSync(path, file);
}

/** As a start does: opens it to write and reads all of it. The turns, or why it was refused. */
async function start(): Promise<readonly Turn[] | DamagedLedgerError> {
  let close = (): void => undefined;
  try {
    const result = openLedgerWriter(stateDir);
    if (result.kind === 'locked') throw new Error(result.message);
    close = () => result.ledger.close();
    const turns: Turn[] = [];
    for await (const recorded of result.ledger.read(0)) turns.push(recorded.turn);
    return turns;
  } catch (error: unknown) {
    if (error instanceof DamagedLedgerError) return error;
    throw error;
  } finally {
    close();
  }
}

const whole = Array.from({ length: 80 }, (_, index) => turn(index + 1));

describe('a page that is overwritten', () => {
  const fills: readonly (readonly [string, (length: number) => Buffer])[] = [
    ['zeros', (length) => Buffer.alloc(length)],
    ['letters', (length) => Buffer.alloc(length, 'a')],
    [
      'noise',
      (length) => Buffer.from(Array.from({ length }, (_, index) => (index * 73 + 41) % 256)),
    ],
  ];
  for (const [name, fill] of fills) {
    test(`by ${name}, whichever it is: refused, or it held nothing`, async () => {
      await written();
      const original = readFileSync(path);
      const pages = original.length / pageBytes;
      expect(pages).toBeGreaterThan(20);
      let refused = 0;
      for (let page = 0; page < pages; page += 1) {
        overwrite(page * pageBytes, fill(pageBytes));
        const before = readFileSync(path);
        const outcome = await start();
        if (outcome instanceof DamagedLedgerError) {
          refused += 1;
          expect(readFileSync(path).equals(before)).toBe(true);
        } else expect(outcome).toEqual(whole);
        rmSync(`${path}-wal`, { force: true });
        rmSync(`${path}-shm`, { force: true });
        writeFileSync(path, original);
      }
      expect(refused).toBe(pages);
    });
  }

  test('in a few bytes, anywhere: refused, or it held nothing; never read as something else', async () => {
    await written();
    const original = readFileSync(path);
    let refused = 0;
    for (let offset = 13; offset < original.length; offset += 997) {
      overwrite(offset, Buffer.from('1234'));
      const outcome = await start();
      if (outcome instanceof DamagedLedgerError) refused += 1;
      else expect(outcome).toEqual(whole);
      rmSync(`${path}-wal`, { force: true });
      rmSync(`${path}-shm`, { force: true });
      writeFileSync(path, original);
    }
    expect(refused).toBeGreaterThan(50);
  });
});

test('a file that was cut short is refused', async () => {
  await written();
  for (const bytes of [pageBytes * 10, pageBytes * 3 + 100, 100]) {
    truncateSync(path, bytes);
    expect(await start()).toBeInstanceOf(DamagedLedgerError);
  }
});

test('a row that is missing, or was changed, is refused', async () => {
  await written();
  const tamper = (statement: string): void => {
    const database = new DatabaseSync(path);
    database.exec(statement);
    database.close();
  };
  const copy = join(stateDir, 'copy');
  copyFileSync(path, copy);
  tamper('DELETE FROM turn WHERE sequence = 7');
  expect(await start()).toMatchObject({ what: 'turn 7 is missing' });
  copyFileSync(copy, path);
  tamper('DELETE FROM turn WHERE sequence = 1');
  expect(await start()).toMatchObject({ what: 'turn 1 is missing' });
  copyFileSync(copy, path);
  tamper(`UPDATE turn SET record = replace(record, 'q-dy-c-3', 'q-dy-c-9') WHERE sequence = 5`);
  expect(await start()).toMatchObject({ what: 'turn 5 is not what was written' });
});

test('records of an older muster, which bear no checksum, are read', async () => {
  await written(1);
  const database = new DatabaseSync(path);
  database.exec(`INSERT INTO turn VALUES (2, 1, '${JSON.stringify(turn(2))}')`);
  database.close();
  expect(await start()).toEqual([turn(1), turn(2)]);
});

test('who is refused is told what is wrong, where, what was left alone, and what to do', async () => {
  await written();
  overwrite(pageBytes * 5, Buffer.alloc(pageBytes));
  const refused = await start();
  expect(String(refused)).toContain(`the ledger ${path} is damaged: `);
  expect(String(refused)).toContain('nothing was changed: instances and jobs go on');
  expect(String(refused)).toContain('"muster ledger renew"');
  expect(openLedgerWriter.bind(null, stateDir)).toThrow(DamagedLedgerError);
});

test('a reader beside a writer refuses what it meets', async () => {
  await written();
  overwrite(0, Buffer.alloc(pageBytes, 'a'));
  expect(() => openLedgerReader(stateDir)).toThrow(DamagedLedgerError);
});

describe('renewing', () => {
  test('keeps the damaged one as it was, and begins one that looks after the instances of before', async () => {
    await written();
    overwrite(pageBytes * 5, Buffer.alloc(pageBytes));
    const before = readFileSync(path);
    await expect(checkLedger(stateDir)).rejects.toThrow(DamagedLedgerError);
    const renewal = await renewLedger(stateDir, at);
    const folder = join(stateDir, 'ledger-damaged-2026-11-26T18-30-00.000Z');
    expect(renewal).toMatchObject({ kind: 'renewed', damage: { folder } });
    expect(readFileSync(join(folder, 'ledger.db')).equals(before)).toBe(true);
    expect(await start()).toEqual([
      { event: { kind: 'LedgerBegun', at, since: 0 }, decisions: [], effects: [] },
    ]);
    expect(await checkLedger(stateDir)).toEqual({ turns: 1, from: at, to: at });
    expect(statSync(path).mode & 0o777).toBe(0o640);
  });

  test('keeps the log of one that was killed beside it', async () => {
    await written();
    const killed = openLedgerWriter(stateDir);
    if (killed.kind === 'locked') throw new Error(killed.message);
    await killed.ledger.append([turn(81)]);
    copyFileSync(`${path}-wal`, join(stateDir, 'wal'));
    killed.ledger.close();
    copyFileSync(join(stateDir, 'wal'), `${path}-wal`);
    overwrite(pageBytes * 5, Buffer.alloc(pageBytes));
    const renewal = await renewLedger(stateDir, at);
    if (renewal.kind !== 'renewed' || renewal.damage === null) throw new Error('it is damaged');
    expect(readdirSync(renewal.damage.folder)).toContain('ledger.db-wal');
    expect(existsSync(`${path}-wal`)).toBe(false);
    expect(await start()).toHaveLength(1);
  });

  test('leaves a whole one alone', async () => {
    await written();
    expect(await renewLedger(stateDir, at)).toEqual({ kind: 'whole', turns: 80 });
    expect(await start()).toEqual(whole);
  });

  test('begins one where there is none', async () => {
    expect(await checkLedger(stateDir)).toBeNull();
    expect(await renewLedger(stateDir, at)).toEqual({ kind: 'renewed', damage: null });
    expect(await start()).toHaveLength(1);
  });

  test('waits for no daemon, and touches nothing of its', async () => {
    await written();
    const daemon = openLedgerWriter(stateDir);
    if (daemon.kind === 'locked') throw new Error(daemon.message);
    expect(await renewLedger(stateDir, at)).toEqual({
      kind: 'locked',
      message: `another muster works on ${stateDir}`,
    });
    expect(await checkLedger(stateDir)).toMatchObject({ turns: 80 });
    await daemon.ledger.append([turn(81)]);
    daemon.ledger.close();
    expect(await checkLedger(stateDir)).toMatchObject({ turns: 81 });
  });
});

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Turn } from '../../core/turn.ts';
import type { RecordedTurn } from '../../ports/ledger.ts';
import { LedgerError, openLedgerReader, openLedgerWriter, type WritableLedger } from './sqlite.ts';

let stateDir: string;
let opened: { close(): void }[];

beforeEach(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'muster-ledger-'));
  opened = [];
});

afterEach(() => {
  for (const each of opened) each.close();
  rmSync(stateDir, { recursive: true, force: true });
});

function writer(): WritableLedger {
  const result = openLedgerWriter(stateDir);
  if (result.kind === 'locked') throw new Error(result.message);
  return result.ledger;
}

/** A writer that the test leaves open. */
function open(): WritableLedger {
  const ledger = writer();
  opened.push(ledger);
  return ledger;
}

function reader() {
  const found = openLedgerReader(stateDir);
  if (found === null) throw new Error('no ledger');
  opened.push(found);
  return found;
}

function turn(at: number, code = 'because'): Turn {
  return {
    event: { kind: 'Woke', at },
    decisions: [{ kind: 'EffectAbandoned', effectId: `e${at}`, why: code }],
    effects: [{ kind: 'SweepLaunch', id: `s${at}`, clientToken: 'é "quoted"\n' }],
  };
}

async function all(turns: AsyncIterable<RecordedTurn>): Promise<RecordedTurn[]> {
  const list: RecordedTurn[] = [];
  for await (const each of turns) list.push(each);
  return list;
}

/** The database itself, as somebody else's hands would change it. */
function tamper(statement: string): void {
  const database = new DatabaseSync(join(stateDir, 'ledger.db'));
  database.exec(statement);
  database.close();
}

describe('what is appended', () => {
  test('is read in order, with its sequence, as it was', async () => {
    const ledger = open();
    expect(await ledger.append([turn(1), turn(2)])).toBe(2);
    expect(await ledger.append([turn(3)])).toBe(3);
    expect(await all(ledger.read(0))).toEqual(
      [1, 2, 3].map((at) => ({ sequence: at, turn: turn(at) })),
    );
    expect((await all(ledger.read(2))).map(({ sequence }) => sequence)).toEqual([3]);
    expect(await all(ledger.read(3))).toEqual([]);
  });

  test('is there after the writer is gone, and the next one goes on', async () => {
    const first = writer();
    await first.append([turn(1)]);
    first.close();
    const second = open();
    expect(await second.append([turn(2)])).toBe(2);
    expect((await all(second.read(0))).map(({ turn: { event } }) => event.at)).toEqual([1, 2]);
  });

  test('is kept in a write-ahead log, for the owner and the group', () => {
    open();
    const database = new DatabaseSync(join(stateDir, 'ledger.db'));
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    database.close();
    expect(statSync(join(stateDir, 'ledger.db')).mode & 0o777).toBe(0o640);
  });

  test('is all of it or nothing, and a failure is not the end', async () => {
    const ledger = open();
    await ledger.append([turn(1)]);
    const impossible = { ...turn(3), decisions: [{ kind: 'EffectRepeated', effectId: 1n }] };
    await expect(ledger.append([turn(2), impossible as unknown as Turn])).rejects.toThrow(
      TypeError,
    );
    expect(await all(ledger.read(0))).toHaveLength(1);
    expect(await ledger.append([turn(2)])).toBe(2);
  });

  test('is read by pages: more than one page, whole', async () => {
    const ledger = open();
    await ledger.append(Array.from({ length: 450 }, (_, index) => turn(index)));
    const read = await all(ledger.read(0));
    expect(read.map(({ sequence }) => sequence)).toEqual(
      Array.from({ length: 450 }, (_, index) => index + 1),
    );
    expect(await all(ledger.read(50))).toHaveLength(400);
  });
});

/** Opens the writer in a process of its own, which says what came of it and then waits for its end. */
async function otherProcess() {
  const module = fileURLToPath(new URL('sqlite.ts', import.meta.url));
  const script = `const { openLedgerWriter } = await import(${JSON.stringify(module)});
    const result = openLedgerWriter(${JSON.stringify(stateDir)});
    if (result.kind === 'writer') await result.ledger.append([{ event: { kind: 'Woke', at: 7 }, decisions: [], effects: [] }]);
    console.log(result.kind);
    setInterval(() => undefined, 1000);`;
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const said = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data) => resolve(String(data).trim())),
  );
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  return {
    said,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe('one writer', () => {
  test('refuses a second in the same process, and names the folder', () => {
    open();
    expect(openLedgerWriter(stateDir)).toEqual({
      kind: 'locked',
      message: `another muster works on ${stateDir}`,
    });
  });

  test('refuses a second in another process, and lets it in when it is closed', async () => {
    const first = writer();
    const refused = await otherProcess();
    expect(refused.said).toBe('locked');
    await refused.kill();
    first.close();
    const taken = await otherProcess();
    expect(taken.said).toBe('writer');
    expect(openLedgerWriter(stateDir).kind).toBe('locked');
    await taken.kill();
  });

  test('that is killed leaves no lock behind, and what it appended', async () => {
    const killed = await otherProcess();
    expect(killed.said).toBe('writer');
    await killed.kill();
    expect((await all(open().read(0))).map(({ turn: { event } }) => event.at)).toEqual([7]);
  });
});

describe('a reader beside the writer', () => {
  test('sees what was appended before and after it was opened', async () => {
    const ledger = open();
    await ledger.append([turn(1)]);
    const beside = reader();
    expect(beside.last()).toBe(1);
    await ledger.append([turn(2)]);
    expect(beside.last()).toBe(2);
    expect(await all(beside.read(1))).toEqual([{ sequence: 2, turn: turn(2) }]);
  });

  test('keeps the writer from nothing', async () => {
    const ledger = open();
    await ledger.append([turn(1), turn(2)]);
    const beside = reader().read(0)[Symbol.asyncIterator]();
    await beside.next();
    expect(await ledger.append([turn(3)])).toBe(3);
  });

  test('of an empty ledger finds nothing', () => {
    open();
    expect(reader().last()).toBe(0);
  });

  test('finds no ledger where none is', () => {
    expect(openLedgerReader(stateDir)).toBe(null);
    expect(openLedgerReader(join(stateDir, 'nowhere'))).toBe(null);
  });

  test('finds none either while the first writer has only made the file', () => {
    writeFileSync(join(stateDir, 'ledger.db'), '');
    expect(openLedgerReader(stateDir)).toBe(null);
  });
});

describe('a ledger that cannot be read is left alone', () => {
  test('of a newer muster: refused to writers, who leave no lock, and to readers', async () => {
    const ledger = writer();
    await ledger.append([turn(1)]);
    ledger.close();
    tamper('PRAGMA user_version = 2');
    for (let round = 0; round < 2; round += 1) {
      expect(() => openLedgerWriter(stateDir)).toThrow(LedgerError);
      expect(() => openLedgerWriter(stateDir)).toThrow(
        'was written by a newer muster (schema 2, this one reads up to 1); nothing was changed',
      );
    }
    expect(() => openLedgerReader(stateDir)).toThrow(LedgerError);
    tamper('PRAGMA user_version = 1');
    expect(await all(open().read(0))).toHaveLength(1);
  });

  test('with a torn record: says which, after the turns before it', async () => {
    const ledger = open();
    await ledger.append([turn(1), turn(2), turn(3)]);
    tamper(`UPDATE turn SET record = substr(record, 1, 20) WHERE sequence = 2`);
    const seen: number[] = [];
    const reading = async (): Promise<void> => {
      for await (const { sequence } of ledger.read(0)) seen.push(sequence);
    };
    await expect(reading()).rejects.toThrow(
      'is damaged: turn 2 is not whole. Nothing was done by it and nothing was changed',
    );
    expect(seen).toEqual([1]);
  });

  test('that is no database: refused, and no lock is left', () => {
    writeFileSync(
      join(stateDir, 'ledger.db'),
      'not a database at all, but long enough to look at'.repeat(50),
    );
    expect(() => openLedgerWriter(stateDir)).toThrow('not a database');
    expect(() => openLedgerWriter(stateDir)).toThrow('not a database');
  });
});

import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseHostlist } from '../../core/hostlist.ts';
import { SchedulerError, type NodeAddress, type Scheduler } from '../../ports/scheduler.ts';
import { findSlurmProgram } from './find-scontrol.ts';
import { createScontrol } from './scontrol.ts';

/** Keeps its arguments and its SLURM_CONF; refuses names in `unknown`, is away while `away` is there, hangs with `hang`. */
const fakeScontrol = `#!/bin/sh
here=\${0%/*}
{ printf '%s\\n' "conf=\${SLURM_CONF-none}"; printf '%s\\n' "$@"; echo; } >>"$here/calls"
[ -e "$here/hang" ] && exec sleep 60
if [ -e "$here/away" ]; then
  echo 'slurm_update error: Unable to contact slurm controller (connect failure)' >&2
  exit 1
fi
while read -r name; do
  case $2 in *"$name"*) echo 'slurm_update error: Invalid node name specified' >&2; exit 1 ;; esac
done <"$here/unknown"
exit 0
`;

let dir: string;
let started: (readonly string[])[];
let scontrol: Scheduler;

function put(name: 'unknown' | 'away' | 'hang', text = ''): void {
  writeFileSync(join(dir, name), text);
}

function create(
  options: { slurmConf?: string; timeoutMs?: number; program?: string } = {},
): Scheduler {
  return createScontrol({
    scontrol: options.program ?? join(dir, 'scontrol'),
    slurmConf: options.slurmConf ?? null,
    started: (args) => started.push(args),
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  });
}

/** The calls as the program saw them, each its arguments. */
function calls(): string[][] {
  return readFileSync(join(dir, 'calls'), 'utf8')
    .split('\n\n')
    .filter((call) => call !== '')
    .map((call) => call.split('\n').slice(1));
}

function addresses(...numbers: number[]): NodeAddress[] {
  return numbers.map((number) => ({
    node: `q-dy-c-${number}`,
    address: `10.0.0.${number}`,
    hostname: `ip-10-0-0-${number}`,
  }));
}

/** The pairs that Slurm makes of the three lists. */
function pairs(args: readonly string[]): string[][] {
  const lists = ['nodename=', 'nodeaddr=', 'nodehostname='].map((key) => {
    const arg = args.find((each) => each.startsWith(key)) ?? '';
    const parsed = parseHostlist(arg.slice(key.length));
    return parsed.kind === 'ok' ? parsed.nodes : [];
  });
  return (lists[0] ?? []).map((_, index) => lists.map((list) => list[index] ?? 'missing'));
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'muster-scontrol-'));
  writeFileSync(join(dir, 'scontrol'), fakeScontrol);
  chmodSync(join(dir, 'scontrol'), 0o755);
  put('unknown');
  started = [];
  scontrol = create();
});

afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

describe('what scontrol is asked', () => {
  test('addresses: one call, three lists that pair', async () => {
    await scontrol.assignNodes(addresses(1, 2, 3, 9));
    expect(calls()).toEqual([
      [
        'update',
        'nodename=q-dy-c-[1-3,9]',
        'nodeaddr=10.0.0.[1-3,9]',
        'nodehostname=ip-10-0-0-[1-3,9]',
      ],
    ]);
    expect(started).toEqual(calls());
  });

  test('addresses in the order in which Slurm sorts names, so that they pair in every version', async () => {
    const items = [
      ...addresses(10, 9, 2, 1),
      { node: 'a-st-c-3', address: '10.0.1.1', hostname: 'x' },
    ];
    await scontrol.assignNodes(items);
    const told = pairs(calls()[0] ?? []);
    expect(told.map(([node]) => node)).toEqual([
      'a-st-c-3',
      'q-dy-c-1',
      'q-dy-c-2',
      'q-dy-c-9',
      'q-dy-c-10',
    ]);
    expect(told.toSorted()).toEqual(
      items.map(({ node, address, hostname }) => [node, address, hostname]).toSorted(),
    );
  });

  test('down with a reason, as one argument whatever it says', async () => {
    const reason = `(Code:X)Failure when resuming nodes: a b; $(c) "d" it's`;
    await scontrol.downNodes(['q-dy-c-1', 'q-dy-c-2'], reason);
    expect(calls()).toEqual([
      ['update', 'nodename=q-dy-c-[1-2]', 'state=down', `reason=${reason}`],
    ]);
  });

  test('powered down by force', async () => {
    await scontrol.powerDownNodes(['q-dy-c-1']);
    expect(calls()).toEqual([['update', 'nodename=q-dy-c-1', 'state=power_down_force']]);
  });

  test('nothing for no nodes', async () => {
    await scontrol.powerDownNodes([]);
    await scontrol.assignNodes([]);
    expect(started).toEqual([]);
  });

  test('of the cluster whose slurm.conf is given, else of the usual one', async () => {
    await create({ slurmConf: '/somewhere/slurm.conf' }).powerDownNodes(['q-dy-c-1']);
    await scontrol.powerDownNodes(['q-dy-c-1']);
    expect(readFileSync(join(dir, 'calls'), 'utf8').match(/^conf=.*$/gm)).toEqual([
      'conf=/somewhere/slurm.conf',
      'conf=none',
    ]);
  });
});

describe('calls that come together', () => {
  test('are merged by what they do and why, one process each', async () => {
    await Promise.all([
      scontrol.assignNodes(addresses(1)),
      scontrol.downNodes(['q-dy-c-5'], 'no room'),
      scontrol.assignNodes(addresses(2)),
      scontrol.downNodes(['q-dy-c-6'], 'no quota'),
      scontrol.downNodes(['q-dy-c-7'], 'no room'),
      scontrol.powerDownNodes(['q-dy-c-8']),
      scontrol.powerDownNodes(['q-dy-c-9']),
    ]);
    expect(calls().map((args) => args.slice(1))).toEqual([
      ['nodename=q-dy-c-[1-2]', 'nodeaddr=10.0.0.[1-2]', 'nodehostname=ip-10-0-0-[1-2]'],
      ['nodename=q-dy-c-[5,7]', 'state=down', 'reason=no room'],
      ['nodename=q-dy-c-6', 'state=down', 'reason=no quota'],
      ['nodename=q-dy-c-[8-9]', 'state=power_down_force'],
    ]);
  });

  test('while one runs wait for it, and are merged then', async () => {
    const first = scontrol.powerDownNodes(['q-dy-c-1']);
    await new Promise((resolve) => void setImmediate(() => setImmediate(resolve)));
    await Promise.all([
      first,
      scontrol.powerDownNodes(['q-dy-c-2']),
      scontrol.powerDownNodes(['q-dy-c-3']),
    ]);
    expect(calls().map((args) => args[1])).toEqual(['nodename=q-dy-c-1', 'nodename=q-dy-c-[2-3]']);
  });

  test('five thousand nodes with long names: every list below 100 KiB, every node once', async () => {
    // Numbers that fold into nothing: every name, address and host stands for itself.
    const items = Array.from({ length: 5_000 }, (_, index) => ({
      node: `queue-dy-${'x'.repeat(40)}${index}-1`,
      address: `10.${index % 250}.${(index * 7) % 251}.${(index * 13) % 253}`,
      hostname: `ip-10-${index % 250}-${(index * 7) % 251}-${(index * 13) % 253}`,
    }));
    await scontrol.assignNodes(items);
    expect(started.length).toBeGreaterThan(1);
    expect(started.length).toBeLessThan(9);
    for (const arg of started.flat())
      expect(Buffer.byteLength(arg)).toBeLessThanOrEqual(100 * 1024);
    const told = started.flatMap(pairs).map((pair) => pair.join());
    expect(told.toSorted()).toEqual(
      items.map(({ node, address, hostname }) => [node, address, hostname].join()).toSorted(),
    );
  });
});

describe('a list of names', () => {
  for (const [kibibytes, processes] of [
    [99, 1],
    [105, 2],
  ] as const) {
    test(`of ${kibibytes} KiB takes ${processes} process${processes === 1 ? '' : 'es'}`, async () => {
      const count = Math.floor((kibibytes * 1024) / 64);
      const nodes = Array.from(
        { length: count },
        (_, index) => `q-dy-${index}`.padEnd(61, 'x') + '-1',
      );
      await scontrol.powerDownNodes(nodes);
      expect(started).toHaveLength(processes);
    });
  }
});

describe('a refusal', () => {
  test('of a merged call is of that one alone whose node it is', async () => {
    put('unknown', 'unknown-dy-c-2\n');
    const [bad] = addresses(2).map((item) => ({ ...item, node: 'unknown-dy-c-2' }));
    const outcomes = await Promise.allSettled([
      scontrol.assignNodes(addresses(1)),
      scontrol.assignNodes(bad === undefined ? [] : [bad]),
      scontrol.assignNodes(addresses(3)),
    ]);
    expect(started).toHaveLength(4);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    const [, refused] = outcomes;
    expect(refused?.status === 'rejected' && refused.reason).toMatchObject({
      name: 'SchedulerError',
      transient: false,
      message:
        'scontrol could not set node addresses: slurm_update error: Invalid node name specified',
    });
  });

  test('ends no later call', async () => {
    put('unknown', 'q-dy-c-2\n');
    await expect(scontrol.powerDownNodes(['q-dy-c-2'])).rejects.toThrow(
      'scontrol could not power nodes down: ',
    );
    await expect(scontrol.powerDownNodes(['q-dy-c-3'])).resolves.toBe(undefined);
  });

  for (const name of ['ALL', 'all', 'feature{gpu}', 'a b', 'a,b', '', 'é']) {
    test(`of "${name}", which is not the name of one node, needs no process`, async () => {
      const asked = scontrol.downNodes(['q-dy-c-1', name], 'x');
      await expect(asked).rejects.toThrow('is not the name of one node to scontrol');
      await expect(asked).rejects.toMatchObject({ transient: false });
      expect(started).toEqual([]);
    });
  }
});

describe('a failure that may pass', () => {
  test('slurmctld is away: every merged call may be made again', async () => {
    put('away');
    const outcomes = await Promise.allSettled([
      scontrol.powerDownNodes(['q-dy-c-1']),
      scontrol.powerDownNodes(['q-dy-c-2']),
    ]);
    expect(started).toHaveLength(1);
    for (const outcome of outcomes) {
      expect(outcome.status === 'rejected' && outcome.reason).toMatchObject({ transient: true });
    }
  });

  test('no answer in time', async () => {
    put('hang');
    const asked = create({ timeoutMs: 300 }).powerDownNodes(['q-dy-c-1']);
    await expect(asked).rejects.toMatchObject({
      transient: true,
      message: 'scontrol could not power nodes down: no answer within 0.3 s',
    });
  });

  test('no scontrol', async () => {
    const asked = create({ program: join(dir, 'nowhere') }).powerDownNodes(['q-dy-c-1']);
    await expect(asked).rejects.toBeInstanceOf(SchedulerError);
    await expect(asked).rejects.toMatchObject({ transient: true });
  });
});

describe('the search for scontrol', () => {
  test('takes the first of PATH that can be run', () => {
    writeFileSync(join(dir, 'other'), '');
    expect(findSlurmProgram('scontrol', `/nowhere::${dir}`)).toBe(join(dir, 'scontrol'));
    expect(findSlurmProgram('other', dir)).toBe(null);
  });

  test('goes on in the usual places, and finds nothing that is not there', () => {
    expect(findSlurmProgram('sh', undefined)).toBe('/usr/bin/sh');
    expect(findSlurmProgram('sh', '')).toBe('/usr/bin/sh');
    expect(findSlurmProgram('no-such-program', process.env['PATH'])).toBe(null);
  });
});

import { describe, expect, test } from 'vitest';
import type { HookRequest } from '../core/requests.ts';
import { defaultSettings, type Settings } from '../core/settings.ts';
import { CloudError } from '../ports/cloud.ts';
import type { SchedulerJob } from '../ports/scheduler.ts';
import { createVirtualClock } from '../sim/virtual-clock.ts';
import { createController } from './controller.ts';
import {
  createFakePorts,
  createManualClock,
  hold,
  quiet,
  type FakePorts,
} from './testing/fakes.ts';

const start = Date.UTC(2022, 5, 21);
const settings: Settings = { ...defaultSettings, launchPatienceMs: 60_000 };

function request(id: string, hostlist: string, more: Partial<HookRequest> = {}): HookRequest {
  return { id, verb: 'resume', at: start, hostlist, resumeFile: null, ...more };
}

function spool(ports: FakePorts, ...requests: HookRequest[]): void {
  for (const each of requests) ports.files.set(each.id, each);
}

const job: SchedulerJob = {
  ...{ jobId: 1, hetJobId: null, state: 'CONFIGURING', reason: 'None', partition: 'q' },
  ...{ nodes: ['q-dy-c-1', 'q-dy-c-2'] },
  ...{ priority: 7, restarts: 0, comment: '', adminComment: '', extra: '' },
};

/** The journal without what every start does. */
function did(ports: FakePorts): string[] {
  return ports.journal.filter((line) => line !== 'append ConfigLoaded Started');
}

async function started(clock = createVirtualClock(start)) {
  const ports = createFakePorts(clock);
  const controller = createController(ports);
  await controller.start(settings);
  await quiet();
  return { clock, ports, controller };
}

/** Moves virtual time, letting promises run between the wakes. */
async function pass(clock: ReturnType<typeof createVirtualClock>, ms: number): Promise<void> {
  const until = clock.now() + ms;
  await quiet();
  while (clock.step(until)) await quiet();
  clock.advanceTo(until);
  await quiet();
}

const throttled = new CloudError('RequestLimitExceeded', 'Request limit exceeded.');

describe('the loop', () => {
  test('takes a request from the spool to nodes that Slurm knows, each step in the ledger first', async () => {
    const { ports } = await started();
    spool(ports, request('r', 'q-dy-c-[1-2]'));
    ports.arrived();
    await quiet();
    expect(did(ports)).toEqual([
      'append HookCalled Woke',
      'run r-0-0',
      'forget r',
      'append LaunchAnswered',
      'assign q-dy-c-1=10.0.0.1/h q-dy-c-2=10.0.0.2/h',
      'publish i-1=q-dy-c-1 i-2=q-dy-c-2',
      'append NodesAssigned',
    ]);
    expect(ports.files.size).toBe(0);
    expect(ports.lines.map(({ message }) => message)).toContain(
      "Successfully launched nodes (x2) ['q-dy-c-[1-2]']",
    );
  });

  test('runs nothing, and forgets no spool file, before the ledger has the turn', async () => {
    const { ports } = await started();
    const disk = hold<undefined>();
    ports.beforeAppend = () => disk.promise;
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    expect(did(ports)).toEqual([]);
    expect(ports.files.has('r')).toBe(true);
    disk.resolve(undefined);
    await quiet();
    expect(did(ports).slice(0, 2)).toEqual(['append HookCalled Woke', 'run r-0-0']);
  });

  test('holds effects back while the ledger cannot be written, tries each second, and goes on', async () => {
    const { ports, clock, controller } = await started();
    ports.beforeAppend = async () => {
      throw new Error('disk full');
    };
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await pass(clock, 3_500);
    expect(did(ports)).toEqual([]);
    const said = ports.lines.filter(({ source }) => source === 'muster.ledger:append');
    expect(said).toHaveLength(4);
    expect(said[0]?.message).toContain('disk full');
    expect(controller.canWrite).toBe(false);
    ports.beforeAppend = async () => undefined;
    await pass(clock, 1_000);
    expect(controller.canWrite).toBe(true);
    expect(did(ports)).toContain('run r-0-0');
    expect(did(ports).filter((line) => line.startsWith('append HookCalled'))).toHaveLength(1);
  });

  test('decides anew what has waited for the ledger for more than ten seconds', async () => {
    const { ports, clock, controller } = await started();
    ports.beforeAppend = async () => {
      throw new Error('disk full');
    };
    spool(ports, request('r', 'q-dy-c-[1-2]'));
    ports.arrived();
    await pass(clock, 10_000);
    expect(controller.state.requests.size).toBe(1);
    await pass(clock, 1_000);
    expect(controller.state.requests.size).toBe(0);
    spool(ports, request('s', 'q-dy-c-[1-2]', { verb: 'suspend', at: clock.now() }));
    ports.arrived();
    await pass(clock, 60_000);
    ports.beforeAppend = async () => undefined;
    await pass(clock, 1_000);
    // Slurm has powered its nodes down meanwhile: nothing is launched.
    expect(did(ports).filter((line) => /^(append|run|assign)/.test(line))).toEqual([
      'append Woke',
      'append HookCalled HookCalled',
    ]);
    expect(ports.files.size).toBe(0);
  });

  test('puts what arrives together into one commit, in the order of the spool', async () => {
    const { ports } = await started();
    spool(ports, request('r1', 'q-dy-c-1'), request('r2', 'q-dy-c-2'));
    ports.arrived();
    await quiet();
    expect(did(ports).slice(0, 3)).toEqual([
      'append HookCalled HookCalled Woke',
      'run r1-0-0',
      'run r2-0-0',
    ]);
  });

  test('takes a spool file that shows up again for the same request', async () => {
    const { ports } = await started();
    const twice = request('r', 'q-dy-c-1');
    spool(ports, twice);
    ports.arrived();
    ports.arrived();
    await quiet();
    spool(ports, twice);
    ports.arrived();
    await quiet();
    expect(did(ports).filter((line) => line.startsWith('run'))).toEqual(['run r-0-0']);
    expect(ports.files.size).toBe(0);
  });

  test('sets a request aside that it cannot judge, and serves the others', async () => {
    const { ports, controller } = await started();
    const cursed = Object.assign(request('bad', ''), {
      hostlist: {
        length: 3,
        slice: () => 'cursed',
        charCodeAt() {
          throw new Error('a fault of ours');
        },
      },
    }) as unknown as HookRequest;
    spool(ports, cursed, request('good', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    expect(ports.aside).toEqual(['bad']);
    expect(did(ports)).toContain('run good-0-0');
    expect(controller.state.taken.has('bad')).toBe(false);
    expect(
      ports.lines.some(({ message }) => message.includes('Request bad for cursed was set aside')),
    ).toBe(true);
  });

  test('goes on when the spool cannot be read, and reads it the next time', async () => {
    const { ports } = await started();
    const { scan } = ports.spool;
    Object.assign(ports.spool, { scan: () => Promise.reject(new Error('EIO')) });
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    expect(ports.lines.some(({ message }) => message.startsWith('The spool cannot be read'))).toBe(
      true,
    );
    Object.assign(ports.spool, { scan });
    ports.arrived();
    await quiet();
    expect(did(ports)).toContain('run r-0-0');
  });

  test('goes on when a spool file cannot be removed', async () => {
    const { ports } = await started();
    ports.removeFiles = () => Promise.reject(new Error('EROFS'));
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    ports.arrived();
    await quiet();
    expect(did(ports).at(-1)).toBe('append NodesAssigned');
    expect(ports.lines.some(({ message }) => message.includes('EROFS'))).toBe(true);
    expect(did(ports).filter((line) => line.startsWith('append Hook'))).toHaveLength(1);
  });

  test('removes a spool file that it could not remove when it looks again', async () => {
    const { ports } = await started();
    ports.removeFiles = () => Promise.reject(new Error('EROFS'));
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    expect(ports.files.size).toBe(1);
    ports.removeFiles = async () => undefined;
    ports.arrived();
    await quiet();
    expect(ports.files.size).toBe(0);
  });

  test('runs what the last turn of a commit leaves of an effect', async () => {
    const { ports } = await started();
    const fail = request('a', 'q-dy-c-[1-2]', { verb: 'resume-fail' });
    spool(ports, fail, request('b', 'q-dy-c-1', { verb: 'suspend' }));
    ports.arrived();
    await quiet();
    expect(did(ports)[0]).toBe('append HookCalled HookCalled');
    expect(did(ports)).toContain('power-down q-dy-c-2');
  });

  test('wakes by itself for what it put off', async () => {
    const { ports, clock, controller } = await started();
    const { run } = ports;
    ports.run = () => Promise.reject(throttled);
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    ports.run = run;
    expect(did(ports).filter((line) => line.startsWith('run'))).toHaveLength(1);
    await pass(clock, 2_000);
    expect(did(ports).filter((line) => line.startsWith('run'))).toEqual(['run r-0-0', 'run r-0-0']);
    expect(did(ports).at(-1)).toBe('append NodesAssigned');
    expect(controller.state.outstanding.size).toBe(0);
  });

  test('loses no event that comes behind a wake with nothing to do', async () => {
    const clock = createManualClock(start);
    const ports = createFakePorts(clock);
    const controller = createController(ports);
    await controller.start(settings);
    const { run } = ports;
    const answer = hold<Awaited<ReturnType<typeof run>>>();
    ports.run = () => answer.promise;
    spool(ports, request('out', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    ports.run = () => Promise.reject(throttled);
    spool(ports, request('slow', 'q-dy-c-2'));
    ports.arrived();
    await quiet();
    // No answer to its second try comes to start the loop again.
    ports.run = () => hold<never>().promise;
    clock.time = start + 2_000;
    const disk = hold<undefined>();
    ports.beforeAppend = () => disk.promise;
    // The loop finds the wake due by itself; the timer for it then brings a second, idle one.
    spool(ports, request('nothing', '', { verb: 'suspend' }));
    ports.arrived();
    await quiet();
    clock.fire();
    answer.resolve(await run({ maxCount: 1 } as never));
    await quiet();
    ports.beforeAppend = async () => undefined;
    disk.resolve(undefined);
    await quiet();
    expect(did(ports).filter((line) => line.startsWith('assign'))).toEqual([
      'assign q-dy-c-1=10.0.0.1/h',
    ]);
  });

  test('loses no event that comes in the moment the loop ends', async () => {
    const clock = createManualClock(start);
    const ports = createFakePorts(clock);
    const controller = createController(ports);
    await controller.start(settings);
    ports.run = () => Promise.reject(throttled);
    clock.scheduled = () => {
      // The loop that the refusal began is at its end.
      if (!ports.turns.some(({ event }) => event.kind === 'LaunchFailed')) return;
      clock.scheduled = () => undefined;
      queueMicrotask(() => controller.reload({ ...settings, clusterName: 'renamed' }));
    };
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    expect(controller.state.settings.clusterName).toBe('renamed');
    expect(ports.turns.at(-1)?.event.kind).toBe('ConfigLoaded');
  });

  test('a new configuration is for the requests that come after it', async () => {
    const { ports, controller } = await started();
    controller.reload({ ...settings, clusterName: 'other' });
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    const launches = ports.turns.flatMap(({ decisions }) => decisions);
    expect(JSON.stringify(launches) + JSON.stringify(ports.turns)).toContain('other-q-c');
  });

  test('after the clock was set back Slurm is told StartTimes by it, as it waits by it', async () => {
    const virtual = createVirtualClock(start);
    let setBackMs = 0;
    const wall = (): number => virtual.now() - setBackMs;
    const ports = createFakePorts({
      now: wall,
      schedule: (ms, wake) => virtual.schedule(ms, wake),
    });
    ports.jobs = async () => {
      const isBack = ports.journal.some((line) => line.startsWith('down '));
      return [isBack ? { ...job, state: 'PENDING', nodes: [] } : job];
    };
    ports.run = () => Promise.reject(new CloudError('InsufficientInstanceCapacity', 'no room'));
    await createController(ports).start(settings);
    await pass(virtual, 60_000);
    setBackMs = 600_000;
    const resumeFile = JSON.stringify({ jobs: [{ job_id: 1, nodes_resume: 'q-dy-c-[1-2]' }] });
    spool(ports, request('r', 'q-dy-c-[1-2]', { at: wall(), resumeFile }));
    ports.arrived();
    await pass(virtual, 5_000);
    const [, told = '{}'] = ports.journal.join('\n').match(/update-job 1 (.*)/) ?? [];
    const { startAt } = JSON.parse(told) as { startAt: number };
    // The refusal is remembered for two minutes.
    expect(startAt - wall()).toBeGreaterThan(0);
    expect(startAt - wall()).toBeLessThanOrEqual(120_000);
  });

  test('ends when it finds a fault of its own, and says which', async () => {
    const { ports, controller } = await started();
    const instance = {
      privateIp: '10.0.0.1',
      hostname: 'h',
      get instanceId(): string {
        throw new Error('a fault of ours');
      },
    };
    ports.run = () => Promise.resolve({ requestId: 'r-1', instances: [instance] });
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await expect(controller.ended).rejects.toThrow('a fault of ours');
  });

  test('carries on from its ledger what was out, with the same token', async () => {
    const { ports } = await started();
    ports.run = () => hold<never>().promise;
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    const next = createFakePorts(createVirtualClock(start + 1_000), ports.turns);
    await createController(next).start(settings);
    await quiet();
    expect(did(next).filter((line) => line.startsWith('run'))).toEqual(['run r-0-0']);
    expect(did(next).at(-1)).toBe('append NodesAssigned');
  });

  test('carries nothing on before it has read what Slurm has asked since', async () => {
    const { ports } = await started();
    const assigned = hold<undefined>();
    ports.assign = () => assigned.promise;
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    const next = createFakePorts(createVirtualClock(start + 1_000), ports.turns);
    spool(next, request('s', 'q-dy-c-[1-2]', { verb: 'suspend', at: start + 500 }));
    await createController(next).start(settings);
    await quiet();
    expect(next.journal[0]).toBe('append ConfigLoaded Started HookCalled Woke');
    expect(next.journal.filter((line) => /^(assign|publish) /.test(line))).toEqual([]);
    expect(next.journal).toContain('terminate i-1');
  });
});

describe('stop', () => {
  async function withLaunchOut() {
    const world = await started();
    const answer = hold<Awaited<ReturnType<FakePorts['run']>>>();
    const { run } = world.ports;
    world.ports.run = () => answer.promise;
    spool(world.ports, request('r', 'q-dy-c-1'));
    world.ports.arrived();
    await quiet();
    const stop = { done: false };
    const stopped = world.controller.stop(10_000).then(() => (stop.done = true));
    await quiet();
    return { ...world, answer, run, stop, stopped };
  }

  test('is at once when nothing runs', async () => {
    const { ports, controller } = await started();
    await controller.stop(10_000);
    expect(ports.journal).toContain('unwatch');
    await expect(controller.stop(10_000)).resolves.toBe(undefined);
  });

  test('waits for what runs, and for what that brings about, and leaves no timer behind', async () => {
    const { ports, clock, answer, run, stop, stopped } = await withLaunchOut();
    expect(stop.done).toBe(false);
    answer.resolve(await run({ maxCount: 1 } as never));
    await stopped;
    expect(did(ports).at(-1)).toBe('append NodesAssigned');
    expect(clock.nextWake()).toBe(null);
  });

  test('takes no request any more', async () => {
    const { ports, answer, run, stopped } = await withLaunchOut();
    spool(ports, request('late', 'q-dy-c-2'));
    ports.arrived();
    await quiet();
    answer.resolve(await run({ maxCount: 1 } as never));
    await stopped;
    expect(ports.files.has('late')).toBe(true);
    expect(did(ports).join()).not.toContain('run late');
  });

  test('takes no request that a scan was reading meanwhile', async () => {
    const { ports, controller } = await started();
    const found = hold<readonly HookRequest[]>();
    Object.assign(ports.spool, { scan: () => found.promise });
    ports.arrived();
    await controller.stop(10_000);
    found.resolve([request('late', 'q-dy-c-1')]);
    await quiet();
    expect(did(ports)).toEqual(['unwatch']);
  });

  test('leaves what does not answer in time to the next start, and touches the ledger no more', async () => {
    const { ports, clock, answer, run, stop, stopped } = await withLaunchOut();
    await pass(clock, 9_999);
    expect(stop.done).toBe(false);
    await pass(clock, 1);
    await stopped;
    const before = ports.journal.length;
    answer.resolve(await run({ maxCount: 1 } as never));
    await pass(clock, 60_000);
    expect(ports.journal).toHaveLength(before);
    expect(clock.nextWake()).toBe(null);
  });

  test('does not try for ever to write a ledger that was closed behind it', async () => {
    const { ports, controller, clock } = await started();
    ports.beforeAppend = () => Promise.reject(new Error('closed'));
    spool(ports, request('r', 'q-dy-c-1'));
    ports.arrived();
    await quiet();
    const stopped = controller.stop(5_000);
    await pass(clock, 5_000);
    await stopped;
    await pass(clock, 60_000);
    expect(clock.nextWake()).toBe(null);
    expect(did(ports)).toEqual(['unwatch']);
  });
});

describe('a ledger in which nothing is', () => {
  async function first(names: ReadonlyMap<string, string>): Promise<FakePorts> {
    const ports = createFakePorts(createVirtualClock(start));
    ports.names = names;
    await createController(ports).start(settings);
    await quiet();
    return ports;
  }

  test('has taken the place of a lost one where the registry names instances', async () => {
    const { turns, journal, lines } = await first(new Map([['i-1', 'q-dy-c-1']]));
    expect(turns[0]?.event).toEqual({ kind: 'LedgerBegun', at: start, since: 0 });
    expect(journal[0]).toBe('append LedgerBegun ConfigLoaded Started');
    expect(lines.map(({ message }) => message).join()).toContain('takes the place of one that was');
  });

  test('says so first, also when it cannot be written for a while', async () => {
    const clock = createVirtualClock(start);
    const ports = createFakePorts(clock);
    ports.names = new Map([['i-1', 'q-dy-c-1']]);
    ports.beforeAppend = () => Promise.reject(new Error('disk full'));
    await createController(ports).start(settings);
    await pass(clock, 25_000);
    ports.beforeAppend = () => Promise.resolve();
    await pass(clock, 1_000);
    expect(ports.journal[0]).toBe('append LedgerBegun ConfigLoaded Started');
  });

  test('is the first one where it names none', async () => {
    const { journal } = await first(new Map());
    expect(journal[0]).toBe('append ConfigLoaded Started');
  });
});

test('a ledger that cannot be read: nothing is asked of EC2 or Slurm, and nothing is written', async () => {
  const ports = createFakePorts(createVirtualClock(start));
  spool(ports, request('r', 'q-dy-c-1'));
  const controller = createController({
    ...ports,
    ledger: {
      append: (turns) => ports.ledger.append(turns),
      // eslint-disable-next-line require-yield
      async *read() {
        throw new Error('turn 2 is not whole');
      },
    },
  });
  await expect(controller.start(settings)).rejects.toThrow('turn 2 is not whole');
  await quiet();
  expect(ports.journal).toEqual([]);
  expect([...ports.files.keys()]).toEqual(['r']);
});

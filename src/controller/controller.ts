/**
 * The loop: drains the inbox, decides, makes the turns durable, applies them, and only then runs their effects.
 * Hooks, timers and answers only enqueue; the loop runs at its own pace.
 */
import { apply } from '../core/apply.ts';
import { decide, nextWake } from '../core/decide.ts';
import type { Event } from '../core/events.ts';
import { narrate } from '../core/narrate.ts';
import type { Settings } from '../core/settings.ts';
import { emptyState, type State } from '../core/state.ts';
import { stillGiven } from '../core/still-given.ts';
import type { Turn } from '../core/turn.ts';
import type { Ledger } from '../ports/ledger.ts';
import type { Log } from '../ports/log.ts';
import type { Outages } from '../ports/outages.ts';
import type { Scheduler } from '../ports/scheduler.ts';
import type { Spool } from '../ports/spool.ts';
import { stillNews, takeBack } from './decide-anew.ts';
import { createEffectRunner, type World } from './effects.ts';
import { createLedgerWriter, heldMsMax } from './ledger-writer.ts';
import { createSteadyClock, type SteadyClock } from './steady-clock.ts';
import { createWatch } from './watch.ts';

export interface ControllerPorts extends World {
  readonly ledger: Ledger;
  readonly spool: Spool;
  readonly log: Log;
}

export interface Controller {
  /** Replays the ledger, carries on what was outstanding and starts to take requests. */
  start(settings: Settings): Promise<void>;
  /** A new configuration takes effect for requests that come after it. */
  reload(settings: Settings): void;
  /** Takes no more requests; resolves when the effects that run have answered and are in the ledger, or after `graceMs`. */
  stop(graceMs: number): Promise<void>;
  /** Resolves, or rejects when the loop had to end: a fault of muster's own, or a ledger that cannot be written. */
  readonly ended: Promise<void>;
  /** False while the ledger refuses what was decided: nothing of it is done meanwhile. */
  readonly canWrite: boolean;
  /** Whom it gets no answers from. */
  readonly outages: Outages;
  readonly state: Readonly<State>;
}

/** The ledger's records must stay below 300 KB a turn on the average; a commit carries a few of them. */
const turnsPerCommitMax = 64;

function isIdle(turn: Turn): boolean {
  return turn.event.kind === 'Woke' && turn.decisions.length === 0 && turn.effects.length === 0;
}

/** slurmctld waits for a StartTime by the machine's clock, which may have been set back since muster began. */
function bySlurmsClock(scheduler: Scheduler, clock: SteadyClock): Scheduler {
  return {
    ...scheduler,
    updateJob: (jobId, { startAt, ...change }) =>
      scheduler.updateJob(jobId, {
        ...change,
        ...(startAt !== undefined && { startAt: clock.asTold(startAt) }),
      }),
  };
}

export interface ControllerOptions {
  /** Called with every durable turn, after it was applied. */
  readonly onTurn?: (turn: Turn, state: Readonly<State>) => void;
}

export function createController(
  ports: ControllerPorts,
  options: ControllerOptions = {},
): Controller {
  const { ledger, spool, log } = ports;
  const clock = createSteadyClock(ports.clock);
  const state = emptyState();
  const inbox: Event[] = [];
  const world = { ...ports, clock, scheduler: bySlurmsClock(ports.scheduler, clock) };
  const runEffect = createEffectRunner(world, (effect) => stillGiven(state, effect));
  const writer = createLedgerWriter({ ledger, clock, log, isStopped: () => stopped });
  const watch = createWatch({ world, log, state, enqueue });
  const spooled = new Set<string>();
  /** Requests that are worked on, and that the spool would not let go. */
  const unforgotten = new Set<string>();
  let cancelWake = (): void => undefined;
  let stopWatching = (): void => undefined;
  let running = false;
  let scanning = false;
  let scanAgain = false;
  let stopping = false;
  /** Whatever is still answered is for the next start: the ledger may be closed. */
  let stopped = false;
  let effectsOut = 0;
  let end: { resolve: () => void; reject: (error: unknown) => void } = {
    resolve: () => undefined,
    reject: () => undefined,
  };
  const ended = new Promise<void>((resolve, reject) => {
    end = { resolve, reject };
  });

  function enqueue(event: Event): void {
    if (stopped) return;
    inbox.push(event);
    if (!running) run();
  }

  function run(): void {
    running = true;
    loop().catch((error: unknown) => end.reject(error));
  }

  async function loop(): Promise<void> {
    // A turn of the event loop, so that what arrives together is one commit.
    await Promise.resolve();
    for (;;) {
      const turns = takeTurns();
      if (turns.length === 0) break;
      const written = await writer.write(turns);
      if (written === 'stopped') return;
      if (written === 'stale') {
        if (!(await decideAnew(turns))) return;
        continue;
      }
      const done = turns.flatMap(({ event }) =>
        event.kind === 'HookCalled' ? [event.request.id] : [],
      );
      for (const turn of turns) {
        options.onTurn?.(turn, state);
        for (const { id } of turn.effects) {
          // A later turn of the same commit may have ended it, put it off or narrowed it.
          const out = state.outstanding.get(id);
          if (out === undefined || out.deferredUntil !== null) continue;
          effectsOut += 1;
          runEffect(out.effect, (event) => {
            effectsOut -= 1;
            enqueue(event);
          });
        }
      }
      if (done.length > 0) await forget(done);
    }
    // In the same moment as the look that found the inbox empty: an event that comes later starts the loop again.
    running = false;
    scheduleWake();
    if (!stopping) watch.wake();
    if (stopping && effectsOut === 0) end.resolve();
  }

  /** A file that cannot be removed does no harm for a day, as long as the ledger knows the request: it is tried again. */
  async function forget(requestIds: readonly string[]): Promise<void> {
    try {
      await spool.remove(requestIds);
      for (const id of requestIds) {
        spooled.delete(id);
        unforgotten.delete(id);
      }
    } catch (error: unknown) {
      for (const id of requestIds) unforgotten.add(id);
      log.write({
        level: 'ERROR',
        source: 'muster.spool:remove',
        message: `The spool keeps requests that are worked on already: ${String(error)}`,
      });
    }
  }

  /** Decides and applies; nothing of it is done until the ledger has it. */
  function takeTurns(): Turn[] {
    const turns: Turn[] = [];
    while (turns.length < turnsPerCommitMax) {
      const wake = nextWake(state);
      const due = wake !== null && wake <= clock.now() && !stopping;
      const waiting = inbox.shift();
      const event = waiting ?? (due ? { kind: 'Woke' as const, at: clock.now() } : undefined);
      if (event === undefined) break;
      const turn = decideSafely(event);
      if (turn === null) continue;
      // A wake that finds nothing to do is no news for the ledger, and looking again at once would find no more.
      if (isIdle(turn) && waiting === undefined) break;
      if (isIdle(turn)) continue;
      for (const line of narrate(state, turn)) log.write(line);
      apply(state, turn);
      turns.push(turn);
    }
    return turns;
  }

  /** A request that muster cannot judge is its own fault: it is set aside, and the others go on. */
  function decideSafely(event: Event): Turn | null {
    try {
      return decide(state, event);
    } catch (error: unknown) {
      if (event.kind !== 'HookCalled') throw error;
      const { id, hostlist } = event.request;
      log.write({
        level: 'ERROR',
        source: 'muster.controller:decide',
        message: `Request ${id} for ${hostlist.slice(0, 200)} was set aside, a fault of muster's own: ${String(error)}`,
      });
      void spool.setAside(id).catch(() => undefined);
      return null;
    }
  }

  /**
   * Takes the turns back, and has what led to them in the inbox again once the ledger can be written; false: muster was stopped
   * before. Rejects where the ledger cannot be read: then only a start can tell what is so.
   */
  async function decideAnew(turns: readonly Turn[]): Promise<boolean> {
    log.write({
      level: 'WARNING',
      source: 'muster.ledger:append',
      message: `What has waited ${heldMsMax / 1000} s for the ledger is decided anew when that can be written`,
    });
    await takeBack(state, ledger);
    const events = [...turns.map(({ event }) => event), ...inbox];
    // What was seen was compared with what has been taken back.
    inbox.splice(0, inbox.length, ...stillNews(events, Infinity));
    // A ledger begins with what says whose place it takes.
    if (state.begunAt === 0) return true;
    for (;;) {
      const wake: Turn = { event: { kind: 'Woke', at: clock.now() }, decisions: [], effects: [] };
      const written = await writer.write([wake]);
      if (written === 'stopped') return false;
      if (written === 'stale') continue;
      apply(state, wake);
      inbox.splice(0, inbox.length, ...stillNews(inbox, clock.now() - heldMsMax));
      return true;
    }
  }

  function scheduleWake(): void {
    cancelWake();
    const wake = nextWake(state);
    if (wake === null || stopping) return;
    cancelWake = clock.schedule(Math.max(0, wake - clock.now()), () =>
      enqueue({ kind: 'Woke', at: clock.now() }),
    );
  }

  async function scan(): Promise<void> {
    if (stopping) return;
    scanAgain = scanning;
    if (scanning) return;
    scanning = true;
    try {
      for (const request of await spool.scan()) {
        if (stopping || spooled.has(request.id)) continue;
        spooled.add(request.id);
        enqueue({
          kind: 'HookCalled',
          at: clock.now(),
          request: { ...request, at: clock.translate(request.at) },
        });
      }
    } catch (error: unknown) {
      log.write({
        level: 'ERROR',
        source: 'muster.spool:scan',
        message: `The spool cannot be read: ${String(error)}; requests wait there`,
      });
    } finally {
      scanning = false;
    }
    if (unforgotten.size > 0) await forget([...unforgotten]);
    // What arrived during the scan may have been missed by it.
    if (scanAgain) await scan();
  }

  return {
    ended,
    state,
    get canWrite() {
      return writer.canWrite;
    },
    get outages() {
      return watch.outages();
    },
    async start(settings) {
      for await (const { turn } of ledger.read(0)) apply(state, turn);
      clock.notBefore(state.now);
      // Nothing is carried on before what Slurm has asked meanwhile is known: it may be of no use any more, or do harm.
      running = true;
      // Nothing was ever written here, and yet instances have their names from here: the ledger was lost.
      const isLost = state.begunAt === 0 && (await ports.registry.list()).size > 0;
      if (isLost) enqueue({ kind: 'LedgerBegun', at: clock.now(), since: 0 });
      enqueue({ kind: 'ConfigLoaded', at: clock.now(), settings });
      enqueue({ kind: 'Started', at: clock.now() });
      stopWatching = spool.watch(() => void scan());
      await scan();
      run();
    },
    reload(settings) {
      enqueue({ kind: 'ConfigLoaded', at: clock.now(), settings });
    },
    async stop(graceMs) {
      stopping = true;
      stopWatching();
      watch.stop();
      cancelWake();
      if (effectsOut === 0 && !running) {
        stopped = true;
        return;
      }
      let endGrace = (): void => undefined;
      const grace = new Promise<void>((resolve) => {
        endGrace = clock.schedule(graceMs, resolve);
      });
      try {
        await Promise.race([ended, grace]);
      } finally {
        stopped = true;
        endGrace();
      }
    },
  };
}

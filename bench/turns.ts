/**
 * Turns in which thousands of jobs end at once, decided and applied: while one lasts the loop stands still, and no other job
 * is served. What a turn costs is to follow from what it touches: twice the jobs, twice the time.
 */
import { apply } from '../src/core/apply.ts';
import { decide, nextWake } from '../src/core/decide.ts';
import type { Effect } from '../src/core/effects.ts';
import type { Event } from '../src/core/events.ts';
import { defaultSettings } from '../src/core/settings.ts';
import { emptyState, type State } from '../src/core/state.ts';
import { resumeFile } from '../src/core/testing/world-hooks.ts';
import { cpuOf } from './cpu.ts';
import { median, printTable } from './report.ts';

const sizes = [2_500, 5_000];
const rounds = 9;
const begin = Date.UTC(2030, 0, 1);
const hourMs = 3_600_000;

/** The event, and the wakes that it brings about at once. Returns their effects. */
function play(state: State, event: Event): Effect[] {
  const effects: Effect[] = [];
  for (let next: Event | null = event; next !== null;) {
    const turn = decide(state, next);
    apply(state, turn);
    effects.push(...turn.effects);
    const wake = nextWake(state);
    next = wake !== null && wake <= event.at ? { kind: 'Woke', at: event.at } : null;
  }
  return effects;
}

function ofKind<K extends Effect['kind']>(
  effects: readonly Effect[],
  kind: K,
): Extract<Effect, { kind: K }>[] {
  return effects.filter((each): each is Extract<Effect, { kind: K }> => each.kind === kind);
}

/** So many jobs of two nodes each, in one call, and all of their launches out at EC2. */
function launching(jobCount: number): { state: State; launches: readonly Effect[] } {
  const state = emptyState();
  const unlimited = { burst: 1_000_000, perSecond: 1_000 };
  play(state, {
    kind: 'ConfigLoaded',
    at: begin,
    settings: { ...defaultSettings, launchRequests: unlimited, launchInstances: unlimited },
  });
  const jobs = Array.from(
    { length: jobCount },
    (_, job) => `q-dy-c-[${2 * job + 1}-${2 * job + 2}]`,
  );
  const asked = play(state, {
    kind: 'HookCalled',
    at: begin,
    request: {
      id: '00000000-0000-4000-8000-000000000001',
      verb: 'resume',
      at: begin,
      hostlist: `q-dy-c-[1-${2 * jobCount}]`,
      resumeFile: resumeFile(jobs),
    },
  });
  const told = jobs.map((nodes, job) => ({
    ...{ jobId: job + 1, hetJobId: null, isAllocated: true, nodes },
    ...{ priority: null, comment: '', extra: '' },
  }));
  const launches = ofKind(asked, 'AskJobs').flatMap(({ id }) =>
    play(state, { kind: 'JobsTold', at: begin, effectId: id, told: { absent: '', jobs: told } }),
  );
  if (ofKind(launches, 'RunInstances').length !== jobCount) throw new Error('a launch is missing');
  return { state, launches };
}

/** EC2 launches all of them, and Slurm is told: every job boots. */
function bootAll(state: State, launches: readonly Effect[]): void {
  let count = 0;
  for (const { id, order } of ofKind(launches, 'RunInstances')) {
    const instances = Array.from({ length: order.maxCount }, () => {
      count += 1;
      return { instanceId: `i-${count}`, privateIp: '10.0.0.1', hostname: 'ip-10-0-0-1' };
    });
    const answer = { kind: 'LaunchAnswered', effectId: id, requestId: 'r', instances } as const;
    for (const assign of ofKind(play(state, { ...answer, at: begin }), 'AssignNodes'))
      play(state, { kind: 'NodesAssigned', at: begin, effectId: assign.id });
  }
}

/** Milliseconds of CPU that the turn takes, from the same state each time. */
async function turnOf(state: State, event: Event, endedMin: number): Promise<number> {
  const samples: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const fresh = structuredClone(state);
    const { cpuMs, result } = await cpuOf(() => {
      const turn = decide(fresh, event);
      apply(fresh, turn);
      return turn;
    });
    if (result.decisions.length < endedMin) throw new Error(`${event.kind} has ended too little`);
    samples.push(cpuMs);
  }
  return median(samples);
}

async function measure(jobCount: number): Promise<Record<string, number>> {
  const gone = Array.from({ length: jobCount }, (_, job) => job + 1);
  const nothing = { registered: [], late: [], doomed: [], silent: null };
  const cancelled: Event = { kind: 'SlurmSeen', at: begin, ...nothing, gone };
  const { state, launches } = launching(jobCount);
  const launchingMs = await turnOf(state, cancelled, jobCount);
  const later = structuredClone(state);
  // Launches that were out when muster was killed wait to be repeated.
  const started: Event = { kind: 'Started', at: begin + hourMs };
  apply(later, decide(later, started));
  const lateMs = await turnOf(later, { kind: 'Woke', at: begin + hourMs }, jobCount);
  bootAll(state, launches);
  const bootingMs = await turnOf(state, cancelled, jobCount);
  return {
    'cancelled while launching': launchingMs,
    'cancelled while booting': bootingMs,
    'launches late': lateMs,
  };
}

export async function run(): Promise<void> {
  const bySize: Record<string, number>[] = [];
  for (const size of sizes) bySize.push(await measure(size));
  const [few = {}, many = {}] = bySize;
  printTable(
    `One turn in which all jobs of two nodes end, median CPU ms of ${rounds} (aim: under 500, and twice the jobs twice the time)`,
    ['', ...sizes.map((size) => `${size.toLocaleString('en')} jobs`), 'factor'],
    Object.entries(many).map(([name, ms]) => {
      const before = few[name] ?? Number.NaN;
      return [name, before.toFixed(0), ms.toFixed(0), (ms / before).toFixed(1)];
    }),
  );
}

if (import.meta.main) await run();

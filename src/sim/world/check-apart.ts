/**
 * One job's failure takes no other's nodes: what muster takes down is nobody's, and says why.
 */
import type { Refusal } from '../../core/gang.ts';
import { parseHostlist } from '../../core/hostlist.ts';
import type { Turn } from '../../core/turn.ts';
import type { Instant } from '../../core/units.ts';
import type { Scheduler } from '../../ports/scheduler.ts';
import type { JobRecord } from '../slurm/types.ts';
import type { Watched } from './checkers.ts';

export interface ApartChecks {
  turn(turn: Turn): void;
  watchScheduler(scheduler: Scheduler): Scheduler;
}

/**
 * Muster cannot know of a job on a node before Slurm has called for it and the request was read, or before it has looked
 * at Slurm.
 */
const unknownMs = 15_000;

/** Components of a heterogeneous job run before the others are there, but their script does not. */
function hasStarted(job: Readonly<JobRecord>): boolean {
  return (job.het?.components ?? [job]).every(({ state }) => state === 'RUNNING');
}

export function createApartChecks(watched: Watched): ApartChecks {
  const { chronicle, clock, machines, slurm, weather } = watched;
  const { mode } = watched.scenario.settings;
  /** When muster refused a node last: to a job (its id and the node), or to whoever wants it (the node). */
  const refusedAt = new Map<string, Instant>();
  /** When muster refused a node last, to whom ever. */
  const anyRefusal = new Map<string, Instant>();
  /** When muster read last that Slurm asks for a node. */
  const readAt = new Map<string, Instant>();
  /** The jobs of gangs. */
  const jobsOf = new Map<string, readonly number[]>();

  function refuse(refusal: Refusal | null, jobIds: readonly number[] | null): void {
    for (const node of refusal?.nodes ?? []) {
      // Launch-batches know nothing of jobs that Slurm puts on their nodes meanwhile.
      const isAnybodys = jobIds === null || jobIds.length === 0 || mode === 'node-list';
      if (isAnybodys) refusedAt.set(node, clock.now());
      anyRefusal.set(node, clock.now());
      for (const jobId of jobIds ?? []) refusedAt.set(`${jobId} ${node}`, clock.now());
    }
  }

  function checkTaken(nodes: readonly string[], what: string): void {
    for (const node of nodes) {
      for (const job of slurm.records.nodesByName.get(node)?.jobs ?? []) {
        const refused = Math.max(
          refusedAt.get(node) ?? -Infinity,
          refusedAt.get(`${job.id} ${node}`) ?? -Infinity,
        );
        // A job that has lost one of its nodes is lost on all of them, also where it had begun.
        const whole = (job.het?.components ?? [job]).flatMap(({ nodes: each }) => each);
        const isBroken = whole.some(({ name }) => machines.instanceOf(name) === undefined);
        const isOver = refused >= job.allocatedAt && isBroken;
        // An instance that has died runs nothing, whatever Slurm has.
        const runs = hasStarted(job) && machines.instanceOf(node) !== undefined;
        if (runs && !isOver)
          chronicle.broke('apart', `${node} is ${what} while job ${job.label} runs on it`);
        if (refused >= job.allocatedAt) continue;
        const isDead = machines.instanceOf(node) === undefined;
        if (isDead && slurm.records.nodesByName.get(node)?.power === 'up') continue;
        const known = Math.max(
          job.allocatedAt,
          weather.outUntil('spool'),
          weather.outUntil('slurmctld'),
          weather.outUntil('scontrol'),
          watched.startedAt,
        );
        if (known + unknownMs > clock.now()) continue;
        // Slurm put the job on a node that had just been refused: nothing is taken from it.
        const { state } = watched;
        const isServed = state?.leases.has(node) === true || state?.claims.has(node) === true;
        const isAsked =
          (readAt.get(node) ?? -Infinity) > Math.max(refused, anyRefusal.get(node) ?? -Infinity);
        if (!isServed && !isAsked) continue;
        chronicle.broke(
          'apart',
          `${node} is ${what}, but job ${job.label} wants it and was not refused`,
        );
      }
    }
  }

  return {
    turn({ event, decisions }) {
      if (event.kind === 'HookCalled' && event.request.verb === 'resume') {
        const parsed = parseHostlist(event.request.hostlist);
        if (parsed.kind === 'ok') for (const node of parsed.nodes) readAt.set(node, clock.now());
      }
      for (const decision of decisions) {
        switch (decision.kind) {
          case 'GangFormed':
          case 'GangGrew':
            jobsOf.set(decision.gangId, decision.jobIds);
            break;
          case 'GangClosed':
            for (const refusal of decision.refusals) refuse(refusal, decision.jobIds);
            break;
          case 'BootFailed':
            refuse(decision.refusal, decision.jobIds);
            break;
          case 'BootDoomed':
            // Whoever is on a node that does not come has nothing of it.
            refuse({ ...decision.doom }, null);
            break;
          case 'BootNodesLost':
          case 'NodesLost':
          case 'NodesRejected':
            refuse(decision.refusal, null);
            break;
          case 'NodesDropped':
            refuse(decision.refusal ?? null, jobsOf.get(decision.gangId) ?? []);
            break;
          case 'BatchHeld':
          case 'BatchRefused':
          case 'NodesRefused':
            refuse(decision.refusal, jobsOf.get(decision.gangId) ?? []);
            break;
          default:
        }
      }
    },
    watchScheduler: (scheduler) => ({
      readConfig: () => scheduler.readConfig(),
      listJobs: (jobIds) => scheduler.listJobs(jobIds),
      listAllocatedJobs: () => scheduler.listAllocatedJobs(),
      listNodes: (nodes) => scheduler.listNodes(nodes),
      async updateJob(jobId, change) {
        chronicle.note('scontrol', () => `update job ${jobId} ${JSON.stringify(change)}`);
        await scheduler.updateJob(jobId, change);
      },
      async drainNodes(nodes, reason) {
        chronicle.note('scontrol', () => `drain ${nodes.join(' ')}: ${reason}`);
        await scheduler.drainNodes(nodes, reason);
      },
      async resumeNodes(nodes) {
        chronicle.note('scontrol', () => `resume ${nodes.join(' ')}`);
        await scheduler.resumeNodes(nodes);
      },
      async undrainNodes(nodes) {
        chronicle.note('scontrol', () => `undrain ${nodes.join(' ')}`);
        await scheduler.undrainNodes(nodes);
      },
      assignNodes: (addresses) => scheduler.assignNodes(addresses),
      async downNodes(nodes, reason) {
        chronicle.note('scontrol', () => `down ${nodes.join(' ')}: ${reason}`);
        if (!/^\(Code:[A-Za-z][\w.]*\)Failure when resuming nodes: ./.test(reason))
          chronicle.broke('it says why', `${nodes.join(' ')} are down for "${reason}"`);
        checkTaken(nodes, 'taken down');
        await scheduler.downNodes(nodes, reason);
      },
      async powerDownNodes(nodes) {
        chronicle.note('scontrol', () => `power_down_force ${nodes.join(' ')}`);
        checkTaken(nodes, 'powered down');
        await scheduler.powerDownNodes(nodes);
      },
    }),
  };
}

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
  /** When a person had a node taken from whoever was on it; all of them, for the fleet's stop. */
  const takenAt = new Map<string, Instant>();
  let stoppedAt: Instant = -Infinity;
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

  /** Its instance has ended, or is on its way out: EC2 may take its time for that. */
  function isLost(node: string): boolean {
    const instanceId = machines.instanceOf(node);
    return instanceId === undefined || watched.endWanted.has(instanceId);
  }

  /** Slurm put it there when the end of the node's instance had been decided: it is lost there whatever Slurm is told. */
  function cameTooLate(node: string, { allocatedAt }: Readonly<JobRecord>): boolean {
    const wanted = watched.endWanted.get(machines.instanceOf(node) ?? '');
    return wanted !== undefined && wanted <= allocatedAt;
  }

  function checkTaken(nodes: readonly string[], what: string): void {
    for (const node of nodes) {
      for (const job of slurm.records.nodesByName.get(node)?.jobs ?? []) {
        if (Math.max(takenAt.get(node) ?? -Infinity, stoppedAt) >= job.allocatedAt) continue;
        if (watched.state?.fleet.status === 'stopped') continue;
        const refused = Math.max(
          refusedAt.get(node) ?? -Infinity,
          refusedAt.get(`${job.id} ${node}`) ?? -Infinity,
        );
        // A job that has lost one of its nodes is lost on all of them, also where it had begun.
        const whole = (job.het?.components ?? [job]).flatMap(({ nodes: each }) => each);
        const isBroken = whole.some(({ name }) => isLost(name));
        const isOver = refused >= job.allocatedAt && isBroken;
        // An instance that has died runs nothing, whatever Slurm has.
        const runs = hasStarted(job) && machines.instanceOf(node) !== undefined;
        if (runs && !isOver && !cameTooLate(node, job))
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
        const poweredAt = slurm.records.nodesByName.get(node)?.bootRequestedAt ?? 0;
        const isServed = state?.leases.has(node) === true || state?.claims.has(node) === true;
        // What was read of its life before says nothing of this one, whose request may be lost.
        const isAsked =
          (readAt.get(node) ?? -Infinity) >
          Math.max(refused, anyRefusal.get(node) ?? -Infinity, poweredAt);
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
      // One that a start finds in the spool once more was answered before.
      const isNew = decisions.some(({ kind }) => kind === 'RequestTaken');
      if (event.kind === 'HookCalled' && event.request.verb === 'resume' && isNew) {
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
          case 'FleetStopped':
            stoppedAt = clock.now();
            break;
          case 'NodesTakenByHand':
            for (const node of decision.released) takenAt.set(node, clock.now());
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
          case 'NodesMended':
            // Asked for in a request that was lost, or whose life muster took for over.
            if (decision.verdict === 'give-back')
              refuse({ nodes: decision.nodes, code: decision.rule, message: '' }, null);
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
      listFleet: () => scheduler.listFleet(),
      listPartitions: () => scheduler.listPartitions(),
      async setPartitions(names, isUp) {
        chronicle.note('scontrol', () => `${names.join(' ')} ${isUp ? 'up' : 'inactive'}`);
        await scheduler.setPartitions(names, isUp);
      },
      async releaseJob(jobId) {
        chronicle.note('scontrol', () => `release job ${jobId}`);
        await scheduler.releaseJob(jobId);
      },
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
      async powerUpNodes(nodes) {
        chronicle.note('scontrol', () => `power_up ${nodes.join(' ')}`);
        await scheduler.powerUpNodes(nodes);
      },
    }),
  };
}

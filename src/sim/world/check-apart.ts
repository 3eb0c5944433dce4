/**
 * One job's failure takes no other's nodes: what muster takes down is nobody's, and says why.
 */
import type { HookRequest, HookVerb } from '../../core/requests.ts';
import type { Refusal } from '../../core/gang.ts';
import { parseHostlist } from '../../core/hostlist.ts';
import type { Turn } from '../../core/turn.ts';
import type { Instant } from '../../core/units.ts';
import type { Scheduler } from '../../ports/scheduler.ts';
import type { Watched } from './checkers.ts';

export interface ApartChecks {
  spooled(request: HookRequest): void;
  turn(turn: Turn): void;
  watchScheduler(scheduler: Scheduler): Scheduler;
}

interface LastCall {
  readonly requestId: string;
  readonly verb: HookVerb;
  readonly at: Instant;
}

/**
 * Muster cannot know of a request before it was read and is in the ledger.
 *
 * Today: it also repeats give-backs while the spool cannot be read, and so does not know who wants their nodes.
 */
const unreadMs = 5_000;

export function createApartChecks(watched: Watched): ApartChecks {
  const { chronicle, clock, machines, slurm, weather } = watched;
  const lastCalls = new Map<string, LastCall>();
  /** Request ids and nodes that muster refused. */
  const refused = new Set<string>();
  const spooledIds = new Set<string>();
  /** By gang. */
  const requestsOf = new Map<string, readonly string[]>();

  function refuse(requestId: string, refusal: Refusal | null): void {
    for (const node of refusal?.nodes ?? []) refused.add(`${requestId} ${node}`);
  }

  /** Whoever wanted the nodes last: a job that Slurm put there without a call. */
  function refuseLast({ nodes }: Refusal): void {
    for (const node of nodes) {
      const last = lastCalls.get(node);
      if (last !== undefined) refused.add(`${last.requestId} ${node}`);
    }
  }

  function checkTaken(nodes: readonly string[], what: string): void {
    for (const node of nodes) {
      for (const job of slurm.records.nodesByName.get(node)?.jobs ?? []) {
        // An instance that has died runs nothing, whatever Slurm has.
        if (job.state === 'RUNNING' && machines.instanceOf(node) !== undefined)
          chronicle.broke('apart', `${node} is ${what} while job ${job.label} runs on it`);
      }
      // Nobody has it any more: its job was cancelled, or went elsewhere.
      if ((slurm.records.nodesByName.get(node)?.jobs.size ?? 0) === 0) continue;
      const last = lastCalls.get(node);
      if (last?.verb !== 'resume' || refused.has(`${last.requestId} ${node}`)) continue;
      if (Math.max(last.at, weather.outUntil('spool')) + unreadMs > clock.now()) continue;
      chronicle.broke(
        'apart',
        `${node} is ${what}, but request ${last.requestId} wants it and was not refused`,
      );
    }
  }

  return {
    spooled({ id, verb, hostlist }) {
      const parsed = parseHostlist(hostlist);
      if (parsed.kind !== 'ok') return;
      spooledIds.add(id);
      for (const node of parsed.nodes)
        lastCalls.set(node, { requestId: id, verb, at: clock.now() });
    },
    turn({ decisions }) {
      for (const decision of decisions) {
        if (decision.kind === 'GangFormed' || decision.kind === 'GangGrew') {
          const known = requestsOf.get(decision.gangId) ?? [];
          requestsOf.set(decision.gangId, [...known, decision.requestId]);
        } else if (decision.kind === 'GangClosed')
          for (const refusal of decision.refusals)
            for (const requestId of decision.requestIds) refuse(requestId, refusal);
        else if (decision.kind === 'NodesLost') refuseLast(decision.refusal);
        else if (decision.kind === 'BootFailed' || decision.kind === 'BootNodesLost')
          for (const id of requestsOf.get(decision.gangId) ?? []) {
            if (spooledIds.has(id)) refuse(id, decision.refusal);
            else refuseLast(decision.refusal);
          }
        else if (
          decision.kind === 'NodesRejected' ||
          decision.kind === 'BatchHeld' ||
          decision.kind === 'BatchRefused' ||
          decision.kind === 'NodesRefused'
        ) {
          const ids =
            'requestId' in decision
              ? [decision.requestId]
              : (requestsOf.get(decision.gangId) ?? []);
          for (const id of ids) refuse(id, decision.refusal);
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

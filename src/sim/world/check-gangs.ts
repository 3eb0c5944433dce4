/**
 * Whole or nothing, once, and it says why: gangs from their forming to the start of their jobs.
 */
import type { Decision } from '../../core/decisions.ts';
import type { GangKind, Refusal } from '../../core/gang.ts';
import { foldHostlist, parseHostlist } from '../../core/hostlist.ts';
import { reasonCodes } from '../../core/reasons.ts';
import type { HookRequest } from '../../core/requests.ts';
import { parseResumeFile } from '../../core/resume-file.ts';
import type { Turn } from '../../core/turn.ts';
import type { RegistryEntry } from '../../ports/registry.ts';
import type { JobRecord } from '../slurm/types.ts';
import { checkStarted, isOnItsWayOut } from './check-starts.ts';
import type { Watched } from './checkers.ts';
import type { Scenario } from './scenario.ts';

export interface GangChecks {
  turn(turn: Turn): void;
  refused(gangId: string, code: string): void;
  published(entries: readonly RegistryEntry[]): void;
  step(): void;
}

interface GangBook {
  readonly id: string;
  readonly firm: boolean;
  readonly kind: GangKind;
  /** It launches another instance for a gang that boots. */
  readonly isReplacement: boolean;
  /** Members that it has had. */
  all: readonly string[];
  /** Members that are still wanted. */
  readonly nodes: Set<string>;
  /** Codes with which EC2 refused a launch of it. */
  readonly codes: Set<string>;
  /** The gangs that launch other instances for some of its nodes. */
  readonly replacements: Set<string>;
  /** Its instances that run, without those of rungs that it has left. */
  readonly live: Set<string>;
  /** The client tokens of its launches, and those of rungs that it has left. */
  readonly tokens: Set<string>;
  readonly left: Set<string>;
  /** Whether muster knew the subnets' zones when it was launched. */
  zonesKnown: boolean;
  isClosed: boolean;
}

/** What may stand in a refusal. */
interface Words {
  /** Codes with which EC2 has refused anybody. */
  readonly said: Set<string>;
  /** Why boots ended, each explained itself: those who count on the nodes of one, or on its replacements, end with its words. */
  readonly ofBoots: Set<string>;
}

/** Codes that stand for an answer that never came. */
const lostCodes: ReadonlySet<string> = new Set(['Timeout', 'ConnectionError']);

export function createGangChecks(watched: Watched): GangChecks {
  const { chronicle, model, slurm, scenario } = watched;
  const gangs = new Map<string, GangBook>();
  const running = new Set<Readonly<JobRecord>>();
  const requests = new Map<string, HookRequest>();
  const words: Words = { said: new Set(), ofBoots: new Set() };

  model.listen({
    launched({ id, tags, clientToken }) {
      const gang = gangs.get(tags['muster:gang'] ?? '');
      if (gang === undefined) {
        chronicle.broke('in the ledger first', `${id} is launched for a gang that no ledger has`);
        return;
      }
      // A rung with a lost answer is looked for and ended beside the next one.
      if (gang.left.has(clientToken)) return;
      gang.live.add(id);
      const spares = sparesMax(scenario, gang);
      if (gang.live.size > gang.all.length + spares)
        chronicle.broke(
          'once',
          `${gang.id} wants ${gang.all.length} nodes and may have ${spares} spares, and ${id} is its instance number ${gang.live.size}`,
        );
    },
    ending({ id }) {
      // Its tag names who launched it: it may have been handed over since.
      for (const gang of gangs.values()) gang.live.delete(id);
    },
  });

  /** A boot ends for what was said of its own launches, or of those that were to replace them. */
  function checkBoot(gangId: string, { code, message }: Omit<Refusal, 'nodes'>): void {
    const gang = gangs.get(gangId);
    if (gang === undefined) return;
    const codes = new Set(gang.codes);
    for (const id of gang.replacements)
      for (const each of gangs.get(id)?.codes ?? []) codes.add(each);
    checkExplained(watched, { id: gang.id, codes }, words, { code, message });
    words.ofBoots.add(`${code}: ${message}`);
  }

  function decidedOfBoots(decision: Decision): void {
    if (decision.kind === 'NodesReplaced')
      gangs.get(decision.bootId)?.replacements.add(decision.replacementId);
    if (decision.kind === 'BootDoomed') checkBoot(decision.gangId, decision.doom);
    if (decision.kind === 'BootNodesLost') checkBoot(decision.gangId, decision.refusal);
  }

  function decided(decision: Decision): void {
    decidedOfBoots(decision);
    if (decision.kind === 'GangFormed') {
      gangs.set(decision.gangId, createBook(decision));
      return;
    }
    if (!('gangId' in decision)) return;
    const gang = gangs.get(decision.gangId);
    if (gang === undefined) return;
    switch (decision.kind) {
      case 'GangGrew':
        gang.all = [...gang.all, ...decision.nodes];
        for (const node of decision.nodes) gang.nodes.add(node);
        return;
      case 'NodesDropped':
        if (decision.refusal !== undefined) checkExplained(watched, gang, words, decision.refusal);
        for (const node of decision.nodes) gang.nodes.delete(node);
        return;
      case 'BatchHeld':
      case 'BatchRefused':
      case 'NodesRefused':
        if (decision.refusal === null) return;
        checkExplained(watched, gang, words, decision.refusal);
        // A firm gang that is refused a call has lost none of its nodes: it tries elsewhere, or closes.
        if (gang.firm) return;
        for (const node of decision.refusal.nodes) gang.nodes.delete(node);
        return;
      case 'GangClosed':
        for (const refusal of decision.refusals) checkExplained(watched, gang, words, refusal);
        checkVerdict(watched, gang, decision.given);
        checkZones(watched, gang, decision.given);
        gang.isClosed = true;
        return;
      case 'GangStarted':
        gang.zonesKnown = (watched.state?.zones.size ?? 0) > 0;
        for (const { clientToken } of decision.batches) gang.tokens.add(clientToken);
        return;
      case 'RungLeft':
        for (const token of gang.tokens) gang.left.add(token);
        gang.live.clear();
        return;
      case 'LeaseHandedOver':
        return handedOver(decision, gang);
      case 'GangWhole':
      case 'NodesGiven':
      case 'GangReserving':
      case 'ReservationHeld':
      case 'ReserveForgone':
      case 'SparesTaken':
      case 'SparesEnded':
      case 'GangWaits':
      case 'GangCancelled':
      case 'GangDissolved':
      case 'BootDoomed':
      case 'BootFailed':
      case 'BootCancelled':
      case 'BootNodesLost':
      case 'BootNodesDropped':
        return;
    }
  }

  function handedOver(
    { fromGangId, node }: Extract<Decision, { kind: 'LeaseHandedOver' }>,
    to: GangBook,
  ): void {
    const instanceId = watched.state?.leases.get(node)?.instance.instanceId;
    if (instanceId === undefined || gangs.get(fromGangId)?.live.delete(instanceId) !== true) return;
    to.live.add(instanceId);
  }

  return {
    turn(turn) {
      for (const decision of turn.decisions) decided(decision);
      if (turn.event.kind === 'HookCalled') requests.set(turn.event.request.id, turn.event.request);
      checkFormed(watched, turn, requests, gangs);
    },
    refused(gangId, code) {
      words.said.add(code);
      gangs.get(gangId)?.codes.add(code);
    },
    published(entries) {
      for (const entry of entries) checkPublished(watched, entry);
    },
    step() {
      for (const job of slurm.records.jobs) {
        if (job.state !== 'RUNNING') running.delete(job);
        else if (!running.has(job)) {
          running.add(job);
          checkStarted(watched, job);
        }
      }
    },
  };
}

function createBook(formed: Extract<Decision, { kind: 'GangFormed' }>): GangBook {
  return {
    id: formed.gangId,
    firm: formed.firm,
    kind: formed.gangKind,
    isReplacement: formed.replaces !== undefined,
    all: formed.nodes,
    nodes: new Set(formed.nodes),
    codes: new Set(),
    replacements: new Set(),
    live: new Set(),
    tokens: new Set(),
    left: new Set(),
    zonesKnown: false,
    isClosed: false,
  };
}

/** How many instances beyond its nodes the configuration allows a gang: so many for each compute resource. */
function sparesMax({ queues }: Scenario, { firm, kind, isReplacement, all }: GangBook): number {
  if (!firm || kind !== 'job' || isReplacement) return 0;
  let spares = 0;
  for (const queue of queues) {
    for (const { name, spares: own } of queue.computeResources) {
      const place = new RegExp(`^${queue.name}-(dy|st)-${name}-`);
      if (!all.some((node) => place.test(node))) continue;
      spares += own ?? queue.spares ?? 0;
    }
  }
  return spares;
}

/** Every job of more than one node, or of several components, is a gang with all the nodes that Slurm asks for it. */
function checkFormed(
  { chronicle, scenario }: Watched,
  { event, decisions }: Turn,
  requests: ReadonlyMap<string, HookRequest>,
  gangs: ReadonlyMap<string, GangBook>,
): void {
  if (event.kind !== 'JobsTold') return;
  const { mode, scalingStrategy } = scenario.settings;
  if (mode !== 'job' || scalingStrategy === 'best-effort') return;
  const request = requests.get(event.effectId.split('/')[0] ?? '');
  const file = parseResumeFile(request?.resumeFile ?? '');
  if (request === undefined || file.kind === 'unreadable') return;
  // What Slurm has powered down meanwhile is not asked for any more.
  const asked = gangs.get(`${request.id}/asking`)?.nodes ?? new Set();
  const formed: ReadonlySet<string>[] = [];
  const refused = new Set<string>();
  for (const decision of decisions) {
    if (decision.kind === 'GangFormed' && decision.firm) formed.push(new Set(decision.nodes));
    if (decision.kind === 'GangGrew') formed.push(new Set(gangs.get(decision.gangId)?.all ?? []));
    if (decision.kind === 'NodesRejected')
      for (const node of decision.refusal.nodes) refused.add(node);
  }
  if (!decisions.some(({ kind }) => kind === 'GangDissolved')) return;
  for (const { jobId, nodesResume } of file.jobs) {
    const fact = event.told.jobs.find((job) => job.jobId === jobId);
    const parsed = parseHostlist(nodesResume);
    if (fact?.isAllocated !== true || parsed.kind !== 'ok' || parsed.nodes.length < 2) continue;
    const { nodes } = parsed;
    if (formed.some((gang) => nodes.every((node) => gang.has(node)))) continue;
    if (nodes.some((node) => refused.has(node) || !asked.has(node))) continue;
    chronicle.broke(
      'a job is a gang',
      `no firm gang of request ${request.id} has the nodes of job ${jobId}, ${nodesResume}`,
    );
  }
}

/** A refusal has a code that somebody said: EC2 to a launch of this gang, or muster by its catalogue; and a sentence. */
function checkExplained(
  { chronicle }: Watched,
  gang: Pick<GangBook, 'id' | 'codes'>,
  { said, ofBoots }: Words,
  { code, message }: Omit<Refusal, 'nodes'>,
): void {
  // What EC2 told somebody a while ago, as a refusal or by launching too few.
  const isRemembered =
    message.includes(' was not asked again: ') &&
    (said.has(code) || message.includes('EC2 launched '));
  const isSaid =
    gang.codes.has(code) ||
    isRemembered ||
    ofBoots.has(`${code}: ${message.replace(/^no replacement for [^:]+: /, '')}`) ||
    ofBoots.has(`${code}: ${message}`) ||
    lostCodes.has(code) ||
    Object.hasOwn(reasonCodes, code);
  if (isSaid && message !== '') return;
  const answers = [...gang.codes].join(', ') || 'nothing';
  chronicle.broke(
    'it says why',
    `${gang.id} is refused with "${code}: ${message}"; EC2 refused its launches with ${answers}`,
  );
}

/** What a firm gang launched is in one zone, unless its queue may be spread or the zones were not known. */
function checkZones(
  { chronicle, scenario, state, model }: Watched,
  gang: GangBook,
  given: readonly string[],
): void {
  if (!gang.firm || state === null || !gang.zonesKnown) return;
  if (scenario.queues.some(({ spread }) => spread === true)) return;
  const zones = new Set<string>();
  for (const node of given) {
    const instance = model.instance(state.leases.get(node)?.instance.instanceId ?? '');
    if (instance?.tags['muster:gang'] === gang.id) zones.add(instance.availabilityZone);
  }
  if (zones.size > 1)
    chronicle.broke('in one zone', `${gang.id} is given nodes in ${[...zones].join(' and ')}`);
}

/**
 * A firm gang is given whole or not at all.
 *
 * Today: a launch-batch goes on without nodes that Slurm powers down, and so does a job's gang that may have been given
 * before muster was killed.
 */
function checkVerdict({ chronicle }: Watched, gang: GangBook, given: readonly string[]): void {
  if (!gang.firm || given.length === 0) return;
  const wanted = [...gang.nodes];
  const has = new Set(given);
  const missing = wanted.filter((node) => !has.has(node));
  if (missing.length === 0) return;
  chronicle.broke(
    'whole or nothing',
    `${gang.id} closes with ${given.length} nodes given and without ${foldHostlist(missing)}`,
  );
}

/**
 * No instance learns its name before every instance of its gang is held. The gang is the one that is being assigned:
 * it may use an instance that an earlier one launched.
 */
function checkPublished(watched: Watched, { instanceId, node }: RegistryEntry): void {
  const { chronicle, model, state, died, machines, registry } = watched;
  const says = (what: string): void => chronicle.broke('whole or nothing', what);
  const ended = model.instance(instanceId)?.endAskedAt ?? null;
  // A slow repetition tells nobody anything.
  if (ended === null && registry.nameOf(instanceId) === node) return;
  // One that has died a moment ago: nobody learns anything.
  if (ended !== null && died.has(instanceId)) return;
  if (ended !== null || state?.leases.get(node)?.instance.instanceId !== instanceId)
    return says(`${instanceId} is named ${node}, which it does not hold any more`);
  for (const other of machines.live) {
    if (other === instanceId || registry.nameOf(other) !== node) continue;
    // Today: one keeps its name while neither the registry nor EC2 can be reached; its end is asked for again.
    if (!isOnItsWayOut(watched, other))
      chronicle.broke('one instance a node', `${other} and ${instanceId} are both named ${node}`);
  }
  const gangs = [...state.gangs.values()].filter(
    ({ phase, nodes }) => (phase === 'assigning' || phase === 'releasing') && nodes.includes(node),
  );
  if (gangs.length === 0) says(`${instanceId} is named ${node} while no gang of it is held`);
  for (const gang of gangs) {
    // A cancelled one may share the node with one that was held: it needs no other any more.
    if (!gang.firm || gang.phase === 'releasing') continue;
    for (const member of gang.nodes) {
      const held = state.leases.get(member)?.instance.instanceId;
      if (held !== undefined && (machines.live.has(held) || died.has(held))) continue;
      says(
        `${instanceId} is named ${node} while ${member} of its gang ${gang.id} holds ${held ?? 'nothing'}`,
      );
    }
  }
}

/**
 * How the test world of the core answers effects: as the test says, with success, a refusal, or an answer that is lost.
 * EC2's side of it is in the books. Slurm says of jobs what the test has put down, else what the resume file says.
 */
import type {
  AskJobs,
  CreateReservation,
  DescribePlacementGroups,
  DescribeSubnets,
  Effect,
  RunInstances,
} from '../effects.ts';
import type { JobFacts, Told } from '../job-facts.ts';
import { parseResumeFile } from '../resume-file.ts';
import type { Turn } from '../turn.ts';
import { zoneIn } from './fleet.ts';
import type { EventBody, Send, TestWorld } from './test-world.ts';

/** The events that say no more than that it is done. */
const done = {
  GiveBackNodes: 'NodesGivenBack',
  RefreshNodes: 'NodesRefreshed',
  TellJobs: 'JobsInformed',
  DrainNodes: 'NodesDrained',
  PowerUpNodes: 'NodesPoweredUp',
  SetPartitions: 'PartitionsSet',
} as const;

/** `afterAssign`: what becomes of the slurmd of nodes that Slurm was just given. */
export function answersOf(world: TestWorld, send: Send, afterAssign: () => Turn) {
  const { ec2 } = world;

  /** Takes an effect out of the running ones; it must be there. */
  function take(effect: Effect): void {
    const index = world.running.findIndex((running) => running.id === effect.id);
    if (index === -1) throw new Error(`${effect.id} does not run`);
    world.running.splice(index, 1);
  }

  function launch(effect: RunInstances, count = effect.order.maxCount): Turn {
    take(effect);
    return send({
      kind: 'LaunchAnswered',
      effectId: effect.id,
      requestId: `request-of-${effect.id}`,
      instances: ec2.launch(effect.order, count, world.now),
    });
  }

  function refuse(
    effect: RunInstances | CreateReservation,
    code: string,
    message = `EC2 says ${code}.`,
  ): Turn {
    take(effect);
    return send({
      kind: effect.kind === 'RunInstances' ? 'LaunchFailed' : 'ReservationFailed',
      effectId: effect.id,
      failure: { code, message, requestId: `request-of-${effect.id}` },
    });
  }

  /** The answer is lost; EC2 launched or reserved `count` all the same. */
  function loseAnswer(effect: RunInstances | CreateReservation, count: number): Turn {
    take(effect);
    const failure = { code: 'Timeout', message: 'no answer within 30 s', requestId: null };
    if (effect.kind === 'RunInstances') {
      if (count > 0) ec2.launch(effect.order, count, world.now);
      return send({ kind: 'LaunchFailed', effectId: effect.id, failure });
    }
    if (count > 0) ec2.reserve(effect.order, world.now);
    return send({ kind: 'ReservationFailed', effectId: effect.id, failure });
  }

  function fail(effect: Effect, message: string, transient: boolean): Turn {
    take(effect);
    return send({ kind: 'EffectFailed', effectId: effect.id, message, transient });
  }

  /** The effect does what it is for. `sees`: false for a sweep to which EC2 does not show a young launch yet. */
  function finish(effect: Effect, sees = true): Turn {
    const { id: effectId } = effect;
    switch (effect.kind) {
      case 'RunInstances':
        return launch(effect);
      case 'AssignNodes':
        take(effect);
        send({ kind: 'NodesAssigned', effectId });
        return afterAssign();
      case 'GiveBackNodes':
      case 'RefreshNodes':
      case 'TellJobs':
      case 'DrainNodes':
      case 'PowerUpNodes':
      case 'SetPartitions':
        take(effect);
        return send({ kind: done[effect.kind], effectId });
      case 'FetchConsole':
        take(effect);
        return send({ kind: 'ConsoleFetched', effectId, tail: `${effect.instanceId} says no` });
      case 'TerminateInstances':
        take(effect);
        ec2.terminate(effect.instanceIds);
        return send({ kind: 'InstancesTerminated', effectId });
      case 'SweepLaunch': {
        take(effect);
        const instanceIds = ec2.sweep(effect.clientToken, world.now, sees);
        return send({ kind: 'LaunchSwept', effectId, instanceIds });
      }
      case 'CreateReservation':
        take(effect);
        return send({
          kind: 'ReservationMade',
          effectId,
          reservationId: ec2.reserve(effect.order, world.now),
        });
      case 'EndReservation':
        take(effect);
        return send({
          kind: 'ReservationEnded',
          effectId,
          found: ec2.endReservation(effect, world.now, sees),
        });
      case 'DescribeSubnets':
      case 'DescribePlacementGroups':
        take(effect);
        return send(lookUp(world, effect));
      case 'AskJobs':
        take(effect);
        return send({ kind: 'JobsTold', effectId, told: tell(world, effect) });
      case 'ListPartitions':
        take(effect);
        return send({ kind: 'PartitionsTold', effectId, up: effect.queues ?? [] });
      case 'ReleaseNodes':
        take(effect);
        return send({
          kind: 'NodesReleased',
          effectId,
          freed: effect.nodes,
          kept: { jobs: [], absent: '' },
        });
    }
  }

  return { launch, refuse, loseAnswer, fail, finish };
}

/**
 * What Slurm says of jobs, with the components of heterogeneous ones: as the test has it, else that they are what the
 * resume file says.
 */
function tell(world: TestWorld, { requestId, jobIds }: AskJobs): Told {
  const file = parseResumeFile(world.state.asked.get(requestId)?.resumeFile ?? '');
  const inFile = file.kind === 'read' ? file.jobs : [];
  const leaders = new Set(jobIds.flatMap((id) => world.slurm.jobs.get(id)?.hetJobId ?? []));
  const components = [...world.slurm.jobs].flatMap(([id, fact]) =>
    leaders.has(fact?.hetJobId ?? 0) ? [id] : [],
  );
  const jobs = [...new Set([...jobIds, ...components])].flatMap((jobId): JobFacts[] => {
    const nodes = inFile.find((job) => job.jobId === jobId)?.nodesResume ?? '';
    const fact = world.slurm.jobs.get(jobId);
    const plain = { jobId, hetJobId: null, isAllocated: true, nodes, priority: null };
    return fact === null ? [] : [{ ...plain, comment: '', extra: '', ...fact }];
  });
  return { jobs, absent: world.slurm.absent };
}

/** The zone that a subnet's name tells; a placement group has its name in its ARN, and a launch template its own in its group's. */
function lookUp(
  { groups }: TestWorld,
  effect: DescribeSubnets | DescribePlacementGroups,
): EventBody {
  const { id: effectId } = effect;
  if (effect.kind === 'DescribeSubnets') {
    const zones = Object.fromEntries(effect.subnetIds.map((id) => [id, zoneIn(id)]));
    return { kind: 'SubnetsTold', effectId, zones };
  }
  if (groups !== null)
    return { kind: 'PlacementGroupsTold', effectId, templates: {}, arns: groups };
  const templates = Object.fromEntries(effect.templates.map((name) => [name, `of-${name}`]));
  const names = [...effect.names, ...Object.values(templates)];
  const arns = Object.fromEntries(names.map((name) => [name, `arn:${name}`]));
  return { kind: 'PlacementGroupsTold', effectId, templates, arns };
}

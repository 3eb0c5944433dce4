/** The log of what happens beyond a launch: gangs that assemble, reserve and boot, jobs that wait, what is nobody's. */
import { expect, test } from 'vitest';
import { apply } from './apply.ts';
import { narrate } from './narrate.ts';
import { emptyState } from './state.ts';
import { queueOf } from './testing/fleet.ts';
import { createTestWorld, type DrivenWorld } from './testing/world.ts';
import type { Settings } from './settings.ts';

const noRoom = 'InsufficientInstanceCapacity';

/** All lines of a world's turns, each told from the state that it was decided on. */
function said(one: DrivenWorld): string {
  const state = emptyState();
  const lines = one.turns.flatMap((turn) => {
    const told = narrate(state, turn);
    apply(state, turn);
    return told;
  });
  return lines.map(({ level, source, message }) => `${level} [${source}] ${message}`).join('\n');
}

/** The nodes q-dy-c-[1-2] are given to Slurm for job 1, and nobody has registered. */
function given(one: DrivenWorld): void {
  one.boots = true;
  one.resume('q-dy-c-[1-2]', ['q-dy-c-[1-2]'], { id: 'r' });
  one.launch(one.only('RunInstances'));
  one.finish(one.only('AssignNodes'));
}

const capacity = [queueOf({ a: ['c5.large us-east-1a'], b: ['c5.large us-east-1a'] }, {})];
const ladder = [queueOf({ c: ['c5.large us-east-1a', 'm5.large us-east-1a'] }, {})];

const table = new Map<string, [(one: DrivenWorld) => void, string[], Partial<Settings>?]>([
  [
    'nodes of the fleet that are mended, and a job that loses a node',
    [
      (one) => {
        one.resume('q-dy-c-[1-3]', ['q-dy-c-[1-3]']);
        one.settle();
        one.advance(1_000);
        const seen = { kind: 'FleetSeen', askedAt: one.now, needs: [] } as const;
        const message = 'it is down, and its instance is paid for';
        const down = {
          rule: 'down',
          verdict: 'release',
          code: 'NodeOutOfService',
          message,
        } as const;
        const left = ['q-dy-c-2', 'q-dy-c-3'];
        const struck = [{ jobId: 1, lost: ['q-dy-c-1'], left, isHeterogeneous: false }];
        one.send({ ...seen, judged: [{ ...down, nodes: ['q-dy-c-1'] }], struck, settled: [] });
        const settled = [{ jobId: 1, outcome: 'started', taken: ['q-dy-c-2'] }] as const;
        one.send({ ...seen, judged: [], struck: [], settled });
      },
      [
        "WARNING [muster.fleet:mend] Nodes (x1) ['q-dy-c-1']: it is down, and its instance is paid for (down); powering down, unless somebody is there",
        "WARNING [muster.jobs:strike] JobID 1 - has lost nodes (x1) ['q-dy-c-1']; keeping (x2) ['q-dy-c-[2-3]'] for its next try",
        "INFO [muster.jobs:settle] JobID 1 - runs again after the loss of a node; powering down (x1) ['q-dy-c-3'] of its nodes",
      ],
    ],
  ],
  [
    'a gang whose other calls are awaited, and another call',
    [
      (one) => {
        one.slurm.jobs.set(7, { nodes: 'q-dy-c-[1-3]' });
        one.slurm.absent = 'q-dy-c-[1-3]';
        one.resume('q-dy-c-1', [{ job_id: 7, nodes_resume: 'q-dy-c-1' }], { id: 'r' });
        one.resume('q-dy-c-2', [{ job_id: 7, nodes_resume: 'q-dy-c-2' }]);
      },
      [
        "INFO [muster.request:assemble] JobID 7 - Gang r/0 has (x1) ['q-dy-c-1'] so far and waits for Slurm to ask for (x2) ['q-dy-c-[2-3]']",
        "JobID 7 - Gang r/0 has (x1) ['q-dy-c-2'] so far and waits for Slurm to ask for (x1) ['q-dy-c-3']",
      ],
    ],
  ],
  [
    'capacity that is reserved, held, and let go',
    [
      (one) => {
        one.resume('q-dy-a-1,q-dy-b-1', ['q-dy-a-1,q-dy-b-1'], { id: 'r' });
        one.settle();
      },
      [
        'INFO [muster.reserve:create] Reserving capacity for all 2 nodes of gang r/0 in 2 reservations before any is launched',
        'INFO [muster.reserve:end] Reservation of r/0/reserve0/end-cr-1 is let go',
        'INFO [muster.reserve:end] Reservation cr-1 (x1 c5.large in us-east-1a) was held for 0 s',
      ],
      { queues: capacity },
    ],
  ],
  [
    'capacity that is refused a reservation',
    [
      (one) => {
        one.resume('q-dy-a-1,q-dy-b-1', ['q-dy-a-1,q-dy-b-1'], { id: 'r' });
        const [first] = one.out('CreateReservation');
        if (first !== undefined) one.refuse(first, noRoom, 'none left');
      },
      [
        'ERROR [muster.reserve:create] Failed CreateCapacityReservation request request-of-r/0/reserve0 (r/0/reserve0): InsufficientInstanceCapacity: none left',
      ],
      { queues: capacity },
    ],
  ],
  [
    'the next rung',
    [
      (one) => {
        one.resume('q-dy-c-1', ['q-dy-c-1'], { id: 'r' });
        one.refuse(one.only('RunInstances'), noRoom, 'none left');
      },
      [
        'WARNING [muster.launch:ladder] Gang r/0 finds no room on c5.large us-east-1a on-demand (InsufficientInstanceCapacity: none left); the next rung is tried',
      ],
      { queues: ladder },
    ],
  ],
  [
    'a job that is refused, and held in the end',
    [
      (one) => {
        for (let tries = 0; tries < 2; tries += 1) {
          one.resume('q-dy-c-1', ['q-dy-c-1']);
          one.refuse(one.only('RunInstances'), noRoom);
        }
      },
      [
        'INFO [muster.jobs:refuse] JobID 1 - try 1 refused (InsufficientInstanceCapacity); next try at 2022-06-21T23:3',
        'INFO [muster.jobs:refuse] JobID 1 - try 2 refused (InsufficientInstanceCapacity); held (user)',
      ],
      { retry: { firstMs: 1_000, maxMs: 2_000, tries: 2, forMs: 86_400_000 } },
    ],
  ],
  [
    'a job that starts after it was refused',
    [
      (one) => {
        one.resume('q-dy-c-1', ['q-dy-c-1']);
        one.refuse(one.only('RunInstances'), noRoom);
        one.advance(60_000);
        one.resume('q-dy-c-1', ['q-dy-c-1']);
        one.settle();
      },
      ['INFO [muster.jobs:start] JobID 1 - all its nodes are up'],
    ],
  ],
  [
    'an instance that is replaced, and a gang that is let go for want of another',
    [
      (one) => {
        given(one);
        one.sendSeen({ registered: ['q-dy-c-1'] });
        one.send({ kind: 'Ec2Seen', ended: ['i-0002'], strays: [], strayReservations: [] });
        one.refuse(one.only('RunInstances'), noRoom, 'none left');
      },
      [
        "WARNING [muster.boot:replace] Replacing the instances of nodes (x1) ['q-dy-c-2'] of gang r/0: (Code:InstanceEnded) EC2 ended the instance",
        "JobID 1 - Setting following failed nodes into DOWN state (x2) ['q-dy-c-[1-2]'] with reason: (Code:InsufficientInstanceCapacity)Failure when resuming nodes: no replacement for q-dy-c-2: none left",
      ],
    ],
  ],
  [
    'an instance of a node that is up has ended',
    [
      (one) => {
        given(one);
        one.sendSeen({ registered: ['q-dy-c-1', 'q-dy-c-2'] });
        one.send({ kind: 'Ec2Seen', ended: ['i-0002'], strays: [], strayReservations: [] });
      },
      ["(x1) ['q-dy-c-2'] with reason: (Code:InstanceEnded)Failure when resuming nodes"],
    ],
  ],
  [
    'a job that is gone while its nodes are launched, and nodes that nobody wants any more',
    [
      (one) => {
        one.resume('q-dy-c-1', ['q-dy-c-1'], { id: 'r' });
        one.sendSeen({ gone: [1] });
        one.finish(one.only('ReleaseNodes'));
      },
      [
        'INFO [muster.watch:jobs] Gang r/0: its job is gone, its launch stops',
        "INFO [muster.slurm:release] Powered down nodes that no job wants (x1) ['q-dy-c-1']",
      ],
    ],
  ],
  [
    'a job that is gone while its nodes boot',
    [
      (one) => {
        given(one);
        one.sendSeen({ gone: [1] });
      },
      ['INFO [muster.watch:jobs] Gang r/0: its job is gone, its launch stops'],
    ],
  ],
  [
    'what is nobody’s',
    [
      (one) =>
        one.send({
          kind: 'Ec2Seen',
          ended: [],
          strays: ['i-8', 'i-9'],
          strayReservations: [{ reservationId: 'cr-9', tag: '' }],
        }),
      [
        'WARNING [muster.watch:strays] Terminating instances of this cluster that no node has (x2) [i-8, i-9]',
        'WARNING [muster.watch:strays] Cancelling reservation cr-9, which no gang has',
      ],
    ],
  ],
]);

for (const [name, [live, want, settings]] of table) {
  test(name, () => {
    const one = createTestWorld(settings ?? {});
    live(one);
    for (const part of want) expect(said(one)).toContain(part);
  });
}

test('nodes that are let go of to nobody are not said', () => {
  const one = createTestWorld();
  one.resume('q-dy-c-1', ['q-dy-c-1']);
  one.sendSeen({ gone: [1] });
  const { id } = one.only('ReleaseNodes');
  const before = said(one);
  one.send({ kind: 'NodesReleased', effectId: id, freed: [], kept: { jobs: [], absent: '' } });
  expect(said(one).slice(before.length)).not.toContain('muster.slurm:release');
});

/** Instances that become a node's without a launch, or end without having been one's, in words. */
import type { Decision } from './decisions.ts';
import { countedList, line, type Line } from './narrate-line.ts';

type InstanceDecision = Extract<Decision, { kind: 'LeasesFound' | 'SparesTaken' | 'SparesEnded' }>;

export function narrateInstances(decision: InstanceDecision): Line[] {
  switch (decision.kind) {
    case 'LeasesFound': {
      const nodes = countedList(decision.found.map(({ node }) => node));
      const text = `Taking over instances of nodes ${nodes}: Slurm uses them, and the ledger did not know them`;
      return [line('WARNING', 'muster.watch:found', text)];
    }
    case 'SparesTaken':
      return [
        line(
          'INFO',
          'muster.boot:spare',
          `Spare instances take the places of nodes ${countedList(decision.placed.map(({ node }) => node))}: nothing is launched for them`,
        ),
      ];
    case 'SparesEnded': {
      const { instanceIds, gangId, pool, why, heldMs } = decision;
      return [
        line(
          'INFO',
          'muster.boot:spare',
          `Terminating spare instances (x${instanceIds.length}) of gang ${gangId} in ${pool}: ${why}; together they ran for ${Math.round(heldMs / 1000)} s`,
        ),
      ];
    }
  }
}

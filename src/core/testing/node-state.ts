/** Nodes for tests. */
import type { NodeState } from '../node-state.ts';

/** One that is up and idle, and of which there is nothing else to say. */
export const nodeUp: NodeState = {
  power: 'up',
  isDown: false,
  isDrained: false,
  isFailing: false,
  isResponding: true,
  isRebooting: false,
  isReserved: false,
  isBusy: false,
};

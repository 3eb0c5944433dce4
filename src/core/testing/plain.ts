/** A state as text: two states are equal when their texts are. Maps and sets keep their order, which decides what comes first. */
import type { State } from '../state.ts';

export function plainState(state: State): string {
  return JSON.stringify(state, (_key, value: unknown) => {
    if (value instanceof Map) return { map: [...value.entries()] };
    return value instanceof Set ? { set: [...value] } : value;
  });
}

/** What is due at a later instant: a binary heap, so that the model can catch up with time whenever it is asked. */
import type { Instant } from '../../core/units.ts';

export interface Agenda {
  add(at: Instant, act: (at: Instant) => void): void;
  /** Acts on everything due up to `now`, in order of time, first added first among equals. */
  catchUp(now: Instant): void;
}

interface Entry {
  readonly at: Instant;
  readonly order: number;
  readonly act: (at: Instant) => void;
}

function isBefore(left: Entry, right: Entry): boolean {
  return left.at < right.at || (left.at === right.at && left.order < right.order);
}

function siftUp(heap: Entry[], entry: Entry): void {
  let index = heap.length;
  heap.push(entry);
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = heap[parentIndex];
    if (parent === undefined || !isBefore(entry, parent)) break;
    heap[index] = parent;
    index = parentIndex;
  }
  heap[index] = entry;
}

function removeFirst(heap: Entry[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let index = 0;
  for (;;) {
    let childIndex = 2 * index + 1;
    let child = heap[childIndex];
    const sibling = heap[childIndex + 1];
    if (child !== undefined && sibling !== undefined && isBefore(sibling, child)) {
      childIndex += 1;
      child = sibling;
    }
    if (child === undefined || !isBefore(child, last)) break;
    heap[index] = child;
    index = childIndex;
  }
  heap[index] = last;
}

export function createAgenda(): Agenda {
  const heap: Entry[] = [];
  let order = 0;
  return {
    add(at, act) {
      order += 1;
      siftUp(heap, { at, order, act });
    },
    catchUp(now) {
      for (let first = heap[0]; first !== undefined && first.at <= now; first = heap[0]) {
        removeFirst(heap);
        first.act(first.at);
      }
    },
  };
}

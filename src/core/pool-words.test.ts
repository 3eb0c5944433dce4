import { describe, expect, test } from 'vitest';

import { isInstanceType, isReservationId, isSubnetId, isZoneName } from './pool-words.ts';

interface Words {
  readonly is: (text: string) => boolean;
  readonly right: readonly string[];
  readonly wrong: readonly string[];
}

const words: Record<string, Words> = {
  'an instance type': {
    is: isInstanceType,
    right: ['c5.xlarge', 'hpc7a.96xlarge', 'u-6tb1.metal', 'c6i.metal', 'm7i-flex.large'],
    wrong: [
      '',
      'c5',
      'c5.',
      '.xlarge',
      'C5.xlarge',
      'c5.xlarge.x',
      'c5 .xlarge',
      `c5.${'x'.repeat(33)}`,
    ],
  },
  'a zone': {
    is: isZoneName,
    right: ['us-east-2a', 'us-gov-west-1b', 'ap-southeast-3c', 'us-west-2-lax-1a'],
    wrong: [
      '',
      'us-east-2',
      'useast2a',
      'us-east-2A',
      'us-east-2ab',
      'use2-az1',
      'a',
      `us-${'e'.repeat(40)}-1a`,
    ],
  },
  'a subnet id': {
    is: isSubnetId,
    right: ['subnet-1', 'subnet-0123456789abcdef0'],
    wrong: ['', 'subnet-', 'sg-1', 'subnet-1/24', 'Subnet-1', 'subnet-1\n'],
  },
  'a reservation id': {
    is: isReservationId,
    right: ['cr-1', 'cr-0123456789abcdef0'],
    wrong: ['', 'cr-', 'crg-1', 'cr-1,cr-2'],
  },
};

describe('the form of', () => {
  test.each(Object.entries(words))('%s', (_, { is, right, wrong }) => {
    expect(right.filter((text) => !is(text))).toEqual([]);
    expect(wrong.filter(is)).toEqual([]);
  });
});

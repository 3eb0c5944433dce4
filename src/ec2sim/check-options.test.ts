import { describe, expect, test } from 'vitest';
import { checkWorld, odditiesOf, type WorldOptions } from './check-options.ts';

const room = (availabilityZone: string, instanceType = 'c5.xlarge'): WorldOptions => ({
  capacity: [{ instanceType, availabilityZone, capacity: 3 }],
});

describe('what EC2 cannot have is refused', () => {
  const wrong: Record<string, [options: WorldOptions, says: string]> = {
    'a region of another form': [{ region: 'usa' }, 'region usa: write a region such as us-east-2'],
    'a zone as a region': [{ region: 'us-east-2b' }, 'region us-east-2b'],
    'room in a zone of another region': [
      { region: 'eu-west-1', ...room('us-east-2b') },
      'capacity of c5.xlarge: us-east-2b is no zone of the region eu-west-1',
    ],
    'room in a zone of the default region that is none': [
      room('us-east-22b'),
      'is no zone of the region us-east-2: write one such as us-east-2a',
    ],
    'room in a region': [room('us-east-2'), 'us-east-2 is no zone'],
    'a subnet in a zone of another region': [
      { subnets: [{ subnetId: 'subnet-1', availabilityZone: 'z', cidr: '10.0.0.0/24' }] },
      'subnet subnet-1: z is no zone',
    ],
  };
  for (const [name, [options, says]] of Object.entries(wrong)) {
    test(name, () => {
      expect(() => checkWorld(options)).toThrow(RangeError);
      expect(() => checkWorld(options)).toThrow(says);
    });
  }

  test('and nothing else: any zone of the region, local ones too', () => {
    expect(() => checkWorld({})).not.toThrow();
    expect(() => checkWorld(room('us-east-2f'))).not.toThrow();
    expect(() => checkWorld({ region: 'us-west-2', ...room('us-west-2-lax-1a') })).not.toThrow();
    expect(() => checkWorld({ region: 'us-gov-west-1', ...room('us-gov-west-1a') })).not.toThrow();
  });
});

describe('what is odd is warned of', () => {
  test('a type that the simulator does not know', () => {
    expect(odditiesOf(room('us-east-2b', 'nosuch.type'), [], '')).toEqual([
      'nosuch.type is no instance type that the simulator knows: launches of it are refused',
    ]);
  });

  test('room where no subnet is', () => {
    expect(odditiesOf(room('us-east-2f'), [], '')).toEqual([
      'no subnet is in us-east-2f: nothing can be launched there (zones: us-east-2a, us-east-2b, us-east-2c)',
    ]);
    const subnets = [{ subnetId: 's', availabilityZone: 'us-east-2f', cidr: '10.0.0.0/24' }];
    expect(odditiesOf({ ...room('us-east-2f'), subnets }, [], '')).toEqual([]);
  });

  test('a boot command that is not found, by name or by path', () => {
    expect(odditiesOf({}, ['no-such-program', 'x'], '/usr/bin:/bin')).toEqual([
      'the boot command no-such-program is in no folder of PATH: instances will boot and run nothing',
    ]);
    expect(odditiesOf({}, ['/etc/passwd'], '')).toEqual([
      'the boot command /etc/passwd is no program: instances will boot and run nothing',
    ]);
  });

  test('and nothing else', () => {
    expect(odditiesOf(room('us-east-2b', 'c6i.16xlarge'), ['sh', '-c', 'x'], '/bin')).toEqual([]);
    expect(odditiesOf({}, ['/bin/sh'], undefined)).toEqual([]);
  });
});

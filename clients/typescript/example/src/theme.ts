import { useColorScheme } from 'react-native';

/** Colours by what they are for. */
export interface Colours {
  background: string;
  card: string;
  field: string;
  border: string;
  text: string;
  muted: string;
  accent: string;
  accentSoft: string;
  onAccent: string;
  danger: string;
  dangerSoft: string;
}

const light: Colours = {
  background: '#F5F6F4',
  card: '#FFFFFF',
  field: '#FFFFFF',
  border: '#D9DDD8',
  text: '#15201B',
  muted: '#5A665F',
  accent: '#0B6B4D',
  accentSoft: '#E1F1EA',
  onAccent: '#FFFFFF',
  danger: '#B3261E',
  dangerSoft: '#FCEBE9',
};

const dark: Colours = {
  background: '#0E1311',
  card: '#19201D',
  field: '#141A17',
  border: '#323D37',
  text: '#EFF4F1',
  muted: '#A0ADA6',
  accent: '#4FD1A1',
  accentSoft: '#173629',
  onAccent: '#06251A',
  danger: '#FF9A91',
  dangerSoft: '#3A1D1B',
};

/** Distances in points. */
export const space = { xs: 4, s: 8, m: 16, l: 24, xl: 40 } as const;

/** Radii in points. */
export const radius = { control: 12, card: 16 } as const;

/** Smallest size in points of what a finger has to hit. */
export const touch = 48;

/** The colours of the scheme that the device is set to. */
export function useColours(): Colours {
  return useColorScheme() === 'dark' ? dark : light;
}

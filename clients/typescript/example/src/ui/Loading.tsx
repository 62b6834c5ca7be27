import { ActivityIndicator, StyleSheet, View } from 'react-native';
import { space, useColours } from '../theme';

/** Stands where something is on its way. */
export function Loading() {
  const colours = useColours();
  return (
    <View style={[styles.fill, { backgroundColor: colours.background }]}>
      <ActivityIndicator color={colours.accent} size="large" accessibilityLabel="One moment" />
    </View>
  );
}

const styles = StyleSheet.create({ fill: { flexGrow: 1, alignItems: 'center', justifyContent: 'center', padding: space.xl } });

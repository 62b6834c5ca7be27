import type { ReactNode } from 'react';
import { KeyboardAvoidingView, Platform, Pressable, ScrollView, StyleSheet, Text, View } from 'react-native';
import { useSafeAreaInsets } from 'react-native-safe-area-context';
import { space, touch, useColours } from '../theme';

interface Props {
  title: string;
  lead?: string;
  /** Shows the way back. */
  onBack?: (() => void) | undefined;
  /** Stands above the title. */
  top?: ReactNode;
  /** Stands beside the title. */
  beside?: ReactNode;
  children: ReactNode;
}

/** The frame of every screen: safe areas, keyboard, title, and one column that stays readable on wide windows. */
export function Screen({ title, lead, onBack, top, beside, children }: Props) {
  const colours = useColours();
  const insets = useSafeAreaInsets();
  return (
    <KeyboardAvoidingView behavior={Platform.OS === 'ios' ? 'padding' : undefined} style={[styles.fill, { backgroundColor: colours.background }]}>
      <ScrollView
        keyboardShouldPersistTaps="handled"
        contentContainerStyle={[styles.content, { paddingTop: insets.top + space.m, paddingBottom: insets.bottom + space.xl }]}
      >
        {onBack ? (
          <Pressable accessibilityRole="button" accessibilityLabel="Back" onPress={onBack} style={styles.back}>
            <Text style={[styles.backLabel, { color: colours.accent }]}>‹ Back</Text>
          </Pressable>
        ) : (
          <View style={styles.noBack} />
        )}
        {top}
        <View style={styles.head}>
          {beside}
          <View style={styles.heading}>
            <Text accessibilityRole="header" style={[styles.title, { color: colours.text }]}>
              {title}
            </Text>
            {lead && <Text style={[styles.lead, { color: colours.muted }]}>{lead}</Text>}
          </View>
        </View>
        {children}
      </ScrollView>
    </KeyboardAvoidingView>
  );
}

const styles = StyleSheet.create({
  fill: { flex: 1 },
  content: { flexGrow: 1, width: '100%', maxWidth: 480, alignSelf: 'center', paddingHorizontal: space.l, gap: space.l },
  back: { minHeight: touch, justifyContent: 'center', alignSelf: 'flex-start', paddingRight: space.m },
  backLabel: { fontSize: 17, fontWeight: '500' },
  noBack: { height: space.s },
  head: { flexDirection: 'row', alignItems: 'center', gap: space.m },
  heading: { flex: 1, minWidth: 0, gap: space.s },
  title: { fontSize: 32, lineHeight: 38, fontWeight: '700', letterSpacing: -0.5 },
  lead: { fontSize: 16, lineHeight: 23 },
});

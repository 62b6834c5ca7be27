import { Children, type ReactNode } from 'react';
import { Pressable, StyleSheet, Text, View } from 'react-native';
import { radius, space, useColours } from '../theme';

/** Rows that belong together, with a line between them. */
export function Card({ title, children }: { title?: string; children: ReactNode }) {
  const colours = useColours();
  return (
    <View style={styles.group}>
      {title && <Text style={[styles.groupTitle, { color: colours.muted }]}>{title}</Text>}
      <View style={[styles.card, { backgroundColor: colours.card, borderColor: colours.border }]}>
        {Children.toArray(children).map((child, index) => (
          <View key={index} style={index > 0 && [styles.line, { borderColor: colours.border }]}>
            {child}
          </View>
        ))}
      </View>
    </View>
  );
}

interface RowProps {
  title: string;
  detail?: string | undefined;
  /** A word beside the title, such as "Primary". */
  badge?: string | undefined;
  /** Makes the whole row a button. */
  onPress?: () => void;
  /** Stands at the end of the row, such as one action. */
  end?: ReactNode;
  /** Stands below, such as several actions. */
  children?: ReactNode;
}

/** One row of a card. */
export function Row({ title, detail, badge, onPress, end, children }: RowProps) {
  const colours = useColours();
  const body = (
    <>
      <View style={styles.words}>
        <View style={styles.titleLine}>
          <Text style={[styles.title, { color: colours.text }]}>{title}</Text>
          {badge && <Text style={[styles.badge, { color: colours.accent, backgroundColor: colours.accentSoft }]}>{badge}</Text>}
        </View>
        {detail && <Text style={[styles.detail, { color: colours.muted }]}>{detail}</Text>}
        {children}
      </View>
      {end}
      {onPress && <Text style={[styles.chevron, { color: colours.muted }]}>›</Text>}
    </>
  );
  if (!onPress) {
    return <View style={styles.row}>{body}</View>;
  }
  return (
    <Pressable accessibilityRole="button" accessibilityLabel={title} onPress={onPress} style={({ pressed }) => [styles.row, { opacity: pressed ? 0.6 : 1 }]}>
      {body}
    </Pressable>
  );
}

/** A small action inside a row. `label` says all of it to a screen reader, `text` is what is seen. */
export function RowAction({ label, text, onPress, danger = false }: { label: string; text: string; onPress: () => void; danger?: boolean }) {
  const colours = useColours();
  return (
    <Pressable accessibilityRole="button" accessibilityLabel={label} onPress={onPress} hitSlop={space.s} style={({ pressed }) => [styles.action, { backgroundColor: danger ? colours.dangerSoft : colours.accentSoft, opacity: pressed ? 0.6 : 1 }]}>
      <Text style={[styles.actionLabel, { color: danger ? colours.danger : colours.accent }]}>{text}</Text>
    </Pressable>
  );
}

/** Actions beside each other. */
export function RowActions({ children }: { children: ReactNode }) {
  return <View style={styles.actions}>{children}</View>;
}

const styles = StyleSheet.create({
  group: { gap: space.s },
  groupTitle: { fontSize: 13, fontWeight: '600', paddingHorizontal: space.xs },
  card: { borderRadius: radius.card, borderWidth: StyleSheet.hairlineWidth, overflow: 'hidden' },
  line: { borderTopWidth: StyleSheet.hairlineWidth },
  row: { flexDirection: 'row', alignItems: 'center', minHeight: 60, paddingHorizontal: space.m, paddingVertical: 12, gap: space.m },
  words: { flex: 1, minWidth: 0, gap: space.xs },
  titleLine: { flexDirection: 'row', flexWrap: 'wrap', alignItems: 'center', gap: space.s },
  title: { fontSize: 16, fontWeight: '500', flexShrink: 1 },
  badge: { fontSize: 12, fontWeight: '600', paddingHorizontal: space.s, paddingVertical: 2, borderRadius: 8, overflow: 'hidden' },
  detail: { fontSize: 14, lineHeight: 20 },
  chevron: { fontSize: 24, lineHeight: 26 },
  actions: { flexDirection: 'row', flexWrap: 'wrap', gap: space.s, paddingTop: space.s },
  action: { minHeight: 36, justifyContent: 'center', paddingHorizontal: 12, borderRadius: 10 },
  actionLabel: { fontSize: 14, fontWeight: '600' },
});

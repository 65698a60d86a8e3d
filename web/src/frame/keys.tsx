import { useTranslation } from 'react-i18next'
import { Dialog } from '../parts/dialog.tsx'
import { groupKey, isMac, keysOf, SHORTCUTS, shortcutKey } from '../terminal/shortcuts.ts'

/** The keys of every page; those of a terminal come from the terminal's own list. */
export function KeysSheet({ close }: { close: () => void }) {
  const { t } = useTranslation()
  const command = isMac() ? '⌘' : 'Ctrl'
  const groups: { title: string; keys: [string[], string][] }[] = [
    {
      title: t('keys.everywhere'),
      keys: [
        [[command, 'K'], t('keys.palette')],
        [['?'], t('keys.sheet')],
        [['Esc'], t('keys.close')],
      ],
    },
    {
      title: t('keys.lists'),
      keys: [
        [['↑', '↓'], t('keys.rows')],
        [['Enter'], t('keys.open')],
      ],
    },
    {
      title: t('keys.replay'),
      keys: [
        [[t('keys.space')], t('keys.toggle')],
        [['←', '→'], t('keys.step')],
        [['Shift', '← →'], t('keys.step.long')],
        [['0…9'], t('keys.part')],
        [['<', '>'], t('keys.speed')],
        [['S'], t('keys.pauses')],
        [['F'], t('keys.full')],
      ],
    },
    {
      title: t('keys.terminal'),
      keys: [
        [isMac() ? ['⌘', 'K'] : ['Ctrl', 'Shift', 'K'], t('keys.palette')],
        [['Ctrl', 'Shift', '?'], t('keys.sheet')],
      ],
    },
    ...(['panes', 'text', 'view'] as const).map((group) => ({
      title: `${t('keys.terminal')} · ${t(groupKey(group))}`,
      keys: SHORTCUTS.filter((one) => one.group === group).map(
        (one) => [keysOf(one), t(shortcutKey(one.action))] as [string[], string],
      ),
    })),
  ]
  return (
    <Dialog title={t('keys.title')} close={close} wide>
      <div className="keys">
        {groups.map(({ title, keys }) => (
          <section key={title}>
            <h3>{title}</h3>
            <dl>
              {keys.map(([combination, words]) => (
                <div key={combination.join()}>
                  <dt>
                    {combination.map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dt>
                  <dd>{words}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  )
}

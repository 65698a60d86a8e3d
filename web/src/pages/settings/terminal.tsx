import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useDark } from '../../parts/appearance.ts'
import { Choice, Field, Toggle } from '../../parts/field.tsx'
import { changeSettings, FONT_SIZE, SCROLLBACK, type TerminalSettings, useSettings } from '../../settings.ts'
import { fontFamily, paletteOf, THEME_NAMES, themeKey } from '../../terminal/themes.ts'

const change = (terminal: Partial<TerminalSettings>) => changeSettings({ terminal })

export function TerminalSection() {
  const { t } = useTranslation()
  const { terminal } = useSettings()
  return (
    <div className="form">
      <p className="soft">{t('settings.terminal.lead')}</p>
      <div className="pair">
        <Choice
          label={t('settings.terminal.theme')}
          options={Object.fromEntries(THEME_NAMES.map((name) => [name, t(themeKey(name))]))}
          value={terminal.theme}
          choose={(theme) => change({ theme })}
        />
        <Whole
          label={t('settings.terminal.size')}
          value={terminal.fontSize}
          limits={FONT_SIZE}
          set={(fontSize) => change({ fontSize })}
        />
      </div>
      <Field
        label={t('settings.terminal.font')}
        hint={t('settings.terminal.font.hint')}
        placeholder="JetBrains Mono"
        spellCheck={false}
        value={terminal.fontFamily}
        onChange={(event) => change({ fontFamily: event.target.value })}
      />
      <Preview terminal={terminal} />
      <div className="pair">
        <Choice
          label={t('settings.terminal.bell')}
          options={{
            none: t('settings.terminal.bell.none'),
            visual: t('settings.terminal.bell.visual'),
            sound: t('settings.terminal.bell.sound'),
          }}
          value={terminal.bell}
          choose={(bell) => change({ bell })}
        />
        <Whole
          label={t('settings.terminal.scrollback')}
          value={terminal.scrollback}
          limits={SCROLLBACK}
          set={(scrollback) => change({ scrollback })}
        />
      </div>
      <Toggle
        label={t('settings.terminal.blink')}
        on={terminal.cursorBlink}
        turn={(cursorBlink) => change({ cursorBlink })}
      />
      <Toggle
        label={t('settings.terminal.paste')}
        hint={t('settings.terminal.paste.hint')}
        on={terminal.warnOnPaste}
        turn={(warnOnPaste) => change({ warnOnPaste })}
      />
      <Toggle
        label={t('settings.terminal.copy')}
        on={terminal.copyOnSelect}
        turn={(copyOnSelect) => change({ copyOnSelect })}
      />
      <Toggle
        label={t('settings.terminal.webgl')}
        hint={t('settings.terminal.webgl.hint')}
        on={terminal.renderer === 'webgl'}
        turn={(on) => change({ renderer: on ? 'webgl' : 'dom' })}
      />
    </div>
  )
}

/** A whole number within limits; while something else stands there, nothing is changed. */
function Whole({
  label,
  value,
  limits: { least, most },
  set,
}: {
  label: string
  value: number
  limits: { least: number; most: number }
  set: (value: number) => void
}) {
  const { t } = useTranslation()
  const [text, setText] = useState(String(value))
  useEffect(() => setText(String(value)), [value])
  const good = (said: string) => /^\d+$/.test(said) && Number(said) >= least && Number(said) <= most
  return (
    <Field
      label={label}
      inputMode="numeric"
      value={text}
      error={good(text) ? null : t('settings.whole', { least, most })}
      onChange={(event) => {
        setText(event.target.value)
        if (good(event.target.value)) set(Number(event.target.value))
      }}
    />
  )
}

/** Colours by their number in the palette, as a shell uses them. */
function Preview({ terminal }: { terminal: TerminalSettings }) {
  const { t } = useTranslation()
  const { theme } = paletteOf(terminal.theme, useDark())
  const paint = (color: string | undefined, words: string) => <span style={{ color }}>{words}</span>
  return (
    <pre
      className="preview"
      role="img"
      aria-label={t('settings.terminal.preview')}
      style={{
        fontSize: terminal.fontSize,
        fontFamily: fontFamily(terminal.fontFamily),
        background: theme.background,
        color: theme.foreground,
      }}
    >
      {paint(theme.green, 'me@host')}:{paint(theme.blue, '~/src')}$ ls 中文 0O 1lI {'{}[]()'}
      {'\n'}
      {paint(theme.cyan, 'docs')} {paint(theme.yellow, 'notes')} {paint(theme.magenta, 'a.png')}{' '}
      {paint(theme.red, 'core')}
    </pre>
  )
}

import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { CommandGroup, Match, Text } from '../api/rules.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Field } from '../parts/field.tsx'
import { MatchFields } from './match-fields.tsx'
import { idFault, idFor, matchWords, tidy } from './set.ts'
import { TakeOver } from './take-over.tsx'

interface Numbered {
  key: number
  match: Match
}

/** A group of commands that rules may name. */
export function GroupForm({
  group,
  taken,
  put,
  remove,
  close,
}: {
  /** Null: a new one. */
  group: CommandGroup | null
  taken: ReadonlySet<string>
  put: (group: CommandGroup, instead: string | null) => void
  remove: (group: CommandGroup) => void
  close: () => void
}) {
  const { t } = useTranslation()
  const [name, setName] = useState<Text>(group?.name ?? {})
  const [typed, setTyped] = useState(group?.id ?? '')
  const [commands, setCommands] = useState<Numbered[]>(() =>
    (group?.commands ?? [{}]).map((match, key) => ({ key, match })),
  )
  const [unreadable, setUnreadable] = useState<ReadonlySet<number>>(new Set())
  const id = typed || idFor(name.en ?? '', taken)
  const other = id !== group?.id
  const kept = commands.map(({ match }) => tidy(match)).filter((match) => matchWords(match) !== '')
  const wrong = idFault(id) || (other && taken.has(id)) || kept.length === 0 || unreadable.size > 0
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (wrong) return
    put({ id, ...tidy({ name }), commands: kept }, group?.id ?? null)
    close()
  }
  return (
    <Dialog
      title={group ? t('servers.edit.title', { name: group.id }) : t('rules.group.add')}
      close={close}
      side
    >
      <form className="form" onSubmit={submit}>
        {(['en', 'zh'] as const).map((language) => (
          <Field
            key={language}
            label={t(`rules.group.name.${language}`)}
            lang={language}
            autoComplete="off"
            data-first={language === 'en' || undefined}
            value={name[language] ?? ''}
            onChange={(event) => setName((before) => ({ ...before, [language]: event.target.value }))}
          />
        ))}
        <Field
          label={t('rules.id')}
          placeholder={id}
          error={idFault(id) ? t('rules.id.wrong') : other && taken.has(id) ? t('rules.id.taken') : null}
          autoComplete="off"
          spellCheck={false}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        {commands.map(({ key, match }, at) => (
          <fieldset key={key} className="group-command">
            <legend>{t('rules.group.command', { n: at + 1 })}</legend>
            <MatchFields
              match={match}
              groups={[]}
              change={(part) =>
                setCommands((before) =>
                  before.map((one) => (one.key === key ? { key, match: { ...one.match, ...part } } : one)),
                )
              }
              refuse={(no) =>
                setUnreadable((before) => {
                  const next = new Set(before)
                  if (no) next.add(key)
                  else next.delete(key)
                  return next
                })
              }
            />
            {commands.length > 1 && (
              <button
                type="button"
                className="quiet danger"
                onClick={() => setCommands((before) => before.filter((one) => one.key !== key))}
              >
                {t('rules.group.command.remove')}
              </button>
            )}
          </fieldset>
        ))}
        <button
          type="button"
          className="quiet"
          onClick={() =>
            setCommands((before) => [...before, { key: (before.at(-1)?.key ?? 0) + 1, match: {} }])
          }
        >
          {t('rules.group.command.add')}
        </button>
        <TakeOver remove={group ? () => remove(group) : undefined} close={close} wrong={wrong} />
      </form>
    </Dialog>
  )
}

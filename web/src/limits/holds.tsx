import { useTranslation } from 'react-i18next'
import { type Holds, ownSettings } from '../api/session-settings.ts'
import { ProblemNotice } from '../parts/notice.tsx'
import { useLoad } from '../parts/use-load.ts'
import { NUMBERS, type NumberPlace } from './draft.ts'
import { writeAmount } from './units.ts'

/** What holds for one's own sessions, and who says so. */
export function OwnSettings() {
  const { t } = useTranslation()
  const { data, problem, reload } = useLoad(ownSettings)
  return (
    <>
      <p className="soft">{t('limits.own')}</p>
      <ProblemNotice problem={problem} retry={reload} />
      {data?.length === 0 && <p>{t('limits.own.none')}</p>}
      <dl className="facts held">
        {data?.map((one) => (
          <div key={`${one.setting} ${String(one.value)}`}>
            <dt>
              <Name setting={one.setting} />
            </dt>
            <dd>
              <Value one={one} /> <span className="soft">{t(`limits.from.${one.from}`)}</span>
            </dd>
          </div>
        ))}
      </dl>
    </>
  )
}

const VARIABLE = 'environment.'

const OTHERS = ['deny', 'allow', 'umask', 'private_tmp', 'read_only']

/** One of a newer server has no name here, but its place. */
function Name({ setting }: { setting: string }) {
  const { t } = useTranslation()
  if (setting.startsWith(VARIABLE)) return <code>{setting.slice(VARIABLE.length)}</code>
  if (!(setting in NUMBERS) && !OTHERS.includes(setting)) return <code>{setting}</code>
  return <>{t(`limits.of.${setting.replaceAll('.', '_') as 'deny'}`)}</>
}

function Value({ one }: { one: Holds }) {
  const { t } = useTranslation()
  if (one.secret) return <>{t('limits.secret')}</>
  const { value } = one
  if (typeof value === 'boolean') return <>{t(value ? 'limits.yes' : 'limits.no')}</>
  if (typeof value === 'number') {
    return <>{writeAmount(value, NUMBERS[one.setting as NumberPlace] ?? 'plain')}</>
  }
  const words = Array.isArray(value) ? value.join(', ') : String(value ?? '')
  return <code>{words || t('limits.nothing')}</code>
}
